// Rows that the target refuses only when their transaction ends, as deferred constraints are
// checked then: found by Replay, answered in the next attempts. So it outlives the applier; used by
// one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "apply/refused_row.h"
#include "model/lsn.h"
#include "model/record.h"

namespace walpack {

struct LateRefusal {
    std::string sqlstate;
    std::string message;  // the server's primary message; may hold values: never for the log
    std::string text;     // the same without values
    std::string constraint;
    // fingerprint_of() the change: while tables are copied, changes of theirs may be left out, and
    // the others have other numbers then.
    std::size_t fingerprint = 0;
};

// Tells changes apart, by all of their values.
std::size_t fingerprint_of(const RowChange& change);

class LateRefusals {
  public:
    // By number of the change in its transaction.
    using Rows = std::map<std::uint64_t, LateRefusal>;

    // More rows of the transaction that commits there; what is known of another one is forgotten.
    // False when none of them is new, so that leaving them out did not help.
    bool add(Lsn commit_lsn, const Rows& rows);
    // nullptr when the change is not known to be refused.
    const LateRefusal* find(const RowOrigin& origin, const RowChange& change) const;
    // The target may be another by now: what is known is a guess, until it is added again.
    void doubt() { is_doubted_ = true; }
    std::set<std::uint64_t> guess(Lsn commit_lsn) const;

  private:
    Lsn commit_lsn_;
    Rows rows_;
    bool is_doubted_ = false;
};

}  // namespace walpack
