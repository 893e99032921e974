// What a group was made of, in the source's order, kept until the group is committed: so that it
// can be applied once more, row by row, when the target refused a row of it.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "apply/change_set.h"
#include "model/kept_change.h"
#include "model/record.h"

namespace walpack {

struct KeptRow {
    KeptChange change;
    // Of a transaction before the one that it stands in.
    bool is_between = false;
};

using KeptRecord = std::variant<Begin, KeptRow, Truncate, CommandStep>;

class KeptGroup {
  public:
    void add(KeptRow row) {
        bytes_ += row.change.bytes();
        ++rows_;
        records_.emplace_back(std::move(row));
    }
    void add(KeptRecord record) {
        bytes_ += sizeof record;
        records_.push_back(std::move(record));
    }
    const std::vector<KeptRecord>& records() const { return records_; }
    std::size_t rows() const { return rows_; }
    std::size_t bytes() const { return bytes_; }
    void clear() { *this = {}; }

  private:
    std::vector<KeptRecord> records_;
    std::size_t rows_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace walpack
