// The quarantine for rows of the copy: a refused row of a chunk goes there as an insert, in the
// target transaction of the chunk (docs/decisions/0018).
//
// Used by all workers of the copy at once.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <vector>

#include "copy/refused_copy_rows.h"
#include "quarantine/quarantine.h"
#include "quarantine/quarantine_share.h"
#include "quarantine/quarantine_table.h"

namespace walpack {

class CopyQuarantine : public RefusedCopyRows {
  public:
    // Both must outlive this object.
    CopyQuarantine(const QuarantineOptions& options, QuarantineShare& share);

    bool takes(const TableName& table) const override;
    std::uint64_t take(const RefusedCopyRow& row, Connection& target) override;
    void note_over(const std::vector<std::uint64_t>& ids) override;
    void give_up(const TableName& table, Connection& target) override;
    void note_committed() override { share_.has_news = true; }

  private:
    void require_room(const RefusedCopyRow& row, Connection& target) const;

    const QuarantineOptions& options_;
    QuarantineShare& share_;
    QuarantineTable table_;
    std::mutex mutex_;
    std::set<std::uint64_t> in_hand_;  // ids, of all workers, whose transactions may be open
};

}  // namespace walpack
