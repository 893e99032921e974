// What a snapshot of the source sees, told by transactions of the stream.
//
// Of a primary it is what pg_current_snapshot() gives: top-level transactions, 64-bit xids. Of a
// standby it is a position in the WAL, as its pg_current_snapshot() does not list what is running;
// and a standby shows a transaction a moment before it tells that its commit is replayed, so whose
// commit record is the next one may be visible or not, unless that was found out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/lsn.h"

namespace walpack {

class SourceSnapshot {
  public:
    // The text of pg_current_snapshot() ("xmin:xmax:xip,..."), or of to_string(); nullopt when it
    // is neither.
    static std::optional<SourceSnapshot> parse(std::string_view text);
    // Of a standby that has replayed exactly up to `replayed`.
    static SourceSnapshot of_standby(Lsn replayed);

    // Whether the snapshot sees a committed transaction: its top-level xid as the wire has it, and
    // the end LSN of its commit. The xid is taken to be less than 2^31 away from the snapshot's.
    bool sees(std::uint32_t xid, Lsn end_lsn) const;
    // Of a standby: whether that cannot be told, as the commit record, which begins at
    // `commit_lsn`, is the next one.
    bool is_doubtful(Lsn commit_lsn) const;
    // Of a standby: whose commit is the next record was in progress when the snapshot was there.
    void settle_doubt() { next_is_unseen_ = true; }
    // Whether it sees everything that `other` sees. Two of a primary; a standby's compares
    // positions, and Error(protocol) is thrown for one of each.
    bool includes(const SourceSnapshot& other) const;
    bool is_of_standby() const { return replayed_.is_valid(); }
    std::string to_string() const;

    friend bool operator==(const SourceSnapshot&, const SourceSnapshot&) = default;

  private:
    std::uint64_t xmin_ = 0;
    std::uint64_t xmax_ = 0;
    std::vector<std::uint64_t> running_;  // sorted; top-level, from xmin_ to before xmax_
    Lsn replayed_;                        // of a standby
    bool next_is_unseen_ = false;         // of a standby
};

}  // namespace walpack
