// Which tables a target gets: those of the publications, or some of them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "schema/target_table.h"

namespace walpack {

struct TableSelection {
    std::vector<std::string> publications;
    std::set<TableName> only;  // empty: all that the publications hold

    bool holds(const TableName& table) const { return only.empty() || only.contains(table); }
};

}  // namespace walpack
