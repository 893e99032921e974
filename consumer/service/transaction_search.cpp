#include "service/transaction_search.h"

#include <algorithm>

namespace walpack {
namespace {

// Between the start of a commit record and its end; it holds the subtransactions, and what else
// the transaction has to tell. Further ahead nothing needs to be read ahead yet.
constexpr std::uint64_t kCommitRecordMax = 64 << 20;

}  // namespace

void TransactionSearch::look_for(std::vector<Lsn> lsns) {
    std::vector<Wanted> wanted;
    for (const Lsn lsn : lsns) {
        const auto known = std::ranges::find(wanted_, lsn, &Wanted::lsn);
        wanted.push_back(known == wanted_.end() ? Wanted{lsn, std::nullopt} : *known);
    }
    wanted_ = std::move(wanted);
}

bool TransactionSearch::may_end_at_one(Lsn commit_lsn) const {
    return std::ranges::any_of(wanted_, [commit_lsn](const Wanted& wanted) {
        return wanted.lsn > commit_lsn && wanted.lsn.value - commit_lsn.value <= kCommitRecordMax;
    });
}

void TransactionSearch::start(Lsn commit_lsn) {
    start_ = commit_lsn;
}

template <typename IsPassed>
std::vector<FoundTransaction> TransactionSearch::settle(IsPassed is_passed) {
    std::vector<FoundTransaction> found;
    for (const Wanted& wanted : wanted_) {
        if (wanted.lsn >= start_ && is_passed(wanted.lsn))
            found.push_back({wanted.lsn, wanted.ends_here});
    }
    if (!found.empty()) start_ = {};
    return found;
}

std::vector<FoundTransaction> TransactionSearch::begin(Lsn commit_lsn) {
    const auto named = std::ranges::find(wanted_, commit_lsn, &Wanted::lsn);
    if (named != wanted_.end()) named->ends_here = commit_lsn;
    return settle([commit_lsn](Lsn lsn) { return lsn <= commit_lsn; });
}

void TransactionSearch::commit(Lsn commit_lsn, Lsn end_lsn) {
    const auto named = std::ranges::find(wanted_, end_lsn, &Wanted::lsn);
    if (named != wanted_.end()) named->ends_here = commit_lsn;
}

std::vector<FoundTransaction> TransactionSearch::idle(Lsn wal_end) {
    return settle([wal_end](Lsn lsn) { return lsn <= wal_end; });
}

}  // namespace walpack
