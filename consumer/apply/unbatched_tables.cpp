#include "apply/unbatched_tables.h"

#include <algorithm>

namespace walpack {

void UnbatchedTables::add(const TargetTable& table) {
    const auto [found, is_new] = tables_.try_emplace({table.schema, table.name});
    if (is_new) return;
    Spell& spell = found->second;
    // Another of the batches that were on their way is no failure after the spell.
    if (spell.groups_left == 0) spell.groups = std::min(2 * spell.groups, kGroupsMax);
    spell.groups_left = spell.groups;
    spell.groups_since = 0;
}

bool UnbatchedTables::contains(const TargetTable& table) const {
    const auto found = tables_.find({table.schema, table.name});
    return found != tables_.end() && found->second.groups_left > 0;
}

std::vector<TableName> UnbatchedTables::note_group() {
    std::vector<TableName> batched;
    for (auto each = tables_.begin(); each != tables_.end();) {
        Spell& spell = each->second;
        if (spell.groups_left > 0) {
            if (--spell.groups_left == 0) batched.push_back(each->first);
        } else if (++spell.groups_since == 2 * spell.groups) {
            each = tables_.erase(each);
            continue;
        }
        ++each;
    }
    return batched;
}

}  // namespace walpack
