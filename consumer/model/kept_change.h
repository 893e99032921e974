// A change that owns its values: for changes that wait for something, or may be needed again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "model/lsn.h"
#include "model/record.h"

namespace walpack {

class KeptChange {
  public:
    KeptChange(const RowChange& change, Lsn commit_lsn);

    // Views into this object, which may have been moved meanwhile.
    RowChange change() const;
    // Of its transaction.
    Lsn commit_lsn() const { return commit_lsn_; }
    // Memory that it takes.
    std::size_t bytes() const;

  private:
    ChangeKind kind_;
    std::shared_ptr<const Relation> relation_;
    Lsn commit_lsn_;
    std::unique_ptr<char[]> bytes_;  // what the values point to: it stays where it is
    std::size_t byte_count_ = 0;
    std::vector<Value> values_;  // the old tuple, then the new one
    std::size_t old_count_ = 0;
};

}  // namespace walpack
