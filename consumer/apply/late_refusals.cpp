#include "apply/late_refusals.h"

#include <utility>

namespace walpack {

bool LateRefusals::add(Lsn commit_lsn, Rows rows) {
    std::set<std::uint64_t> found;
    for (const auto& row : rows) found.insert(row.first);
    if (commit_lsn == commit_lsn_ && found == found_) return false;
    commit_lsn_ = commit_lsn;
    rows_ = std::move(rows);
    found_ = std::move(found);
    return true;
}

std::optional<LateRefusal> LateRefusals::take(const RowOrigin& origin) {
    if (origin.commit_lsn != commit_lsn_) return std::nullopt;
    auto row = rows_.extract(origin.number);
    if (row.empty()) return std::nullopt;
    return std::move(row.mapped());
}

void LateRefusals::clear() {
    *this = {};
}

}  // namespace walpack
