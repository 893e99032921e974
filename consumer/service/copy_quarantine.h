// The quarantine for rows of the copy: a refused row of a chunk goes there as an insert, in the
// target transaction of the chunk (docs/decisions/0018).
//
// Used by all workers of the copy at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

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
    void take(const RefusedCopyRow& row, std::uint64_t taken, Connection& target) override;
    void note_over(std::uint64_t taken) override { uncommitted_ -= taken; }
    void give_up(const TableName& table, Connection& target) override;
    void note_committed() override { share_.has_news = true; }

  private:
    void require_room(const RefusedCopyRow& row, std::uint64_t taken, Connection& target) const;

    const QuarantineOptions& options_;
    QuarantineShare& share_;
    QuarantineTable table_;
    std::atomic<std::uint64_t> uncommitted_{0};  // rows, of all workers
};

}  // namespace walpack
