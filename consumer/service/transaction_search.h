// Which source transaction an LSN names: the one that commits at it, or else the one that ends at
// it.
//
// An error and most tools name the LSN of the commit; what a position or a slot tells is an end.
// Where a transaction ends is known only behind it, so the stream is read ahead, with nothing
// applied, until the answer is there. One transaction may end where the next one commits: then the
// next one is meant.
#pragma once

#include <optional>
#include <vector>

#include "model/lsn.h"

namespace walpack {

struct FoundTransaction {
    Lsn lsn;                        // that was looked for
    std::optional<Lsn> commit_lsn;  // nullopt: it names none
};

class TransactionSearch {
  public:
    // Replaces what was looked for.
    void look_for(std::vector<Lsn> lsns);
    // Whether the transaction that commits at it may be one of those, by its end.
    bool may_end_at_one(Lsn commit_lsn) const;

    // From here on the stream is read ahead; what lies before was passed.
    void start(Lsn commit_lsn);
    bool is_running() const { return start_.is_valid(); }
    // Each of begin() and idle() returns what is known now; one answer ends the search.
    [[nodiscard]] std::vector<FoundTransaction> begin(Lsn commit_lsn);
    void commit(Lsn commit_lsn, Lsn end_lsn);
    // Nothing more comes that ends at or before it.
    [[nodiscard]] std::vector<FoundTransaction> idle(Lsn wal_end);

  private:
    struct Wanted {
        Lsn lsn;
        std::optional<Lsn> ends_here;  // commit LSN of the transaction that ends at it
    };

    template <typename IsPassed>
    std::vector<FoundTransaction> settle(IsPassed is_passed);

    std::vector<Wanted> wanted_;
    Lsn start_;
};

}  // namespace walpack
