// Rows that the target refuses only when their transaction ends, as deferred constraints are
// checked then: found by Replay, answered in the next attempt. So it outlives the applier; used by
// one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "apply/refused_row.h"
#include "model/lsn.h"

namespace walpack {

struct LateRefusal {
    std::string sqlstate;
    std::string message;  // the server's primary message; may hold values: never for the log
    std::string text;     // the same without values
    std::string constraint;
};

class LateRefusals {
  public:
    // By number of the change in its transaction.
    using Rows = std::map<std::uint64_t, LateRefusal>;

    // Of the transaction that commits there. False when these very rows were found before, so that
    // leaving them out did not help.
    bool add(Lsn commit_lsn, Rows rows);
    // Each is told once: by then the target may have been mended.
    std::optional<LateRefusal> take(const RowOrigin& origin);
    // What comes next is looked at as if for the first time.
    void clear();

  private:
    Lsn commit_lsn_;
    Rows rows_;
    std::set<std::uint64_t> found_;  // of that transaction, whether they were taken or not
};

}  // namespace walpack
