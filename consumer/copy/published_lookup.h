// One table among those that are published.
#pragma once

#include <algorithm>
#include <vector>

#include "schema/published_table.h"

namespace walpack {

// The end when it is not among them.
inline std::vector<PublishedTable>::const_iterator find_published(
    const std::vector<PublishedTable>& published, const TableName& name) {
    return std::ranges::find_if(
        published, [&name](const PublishedTable& each) { return each.name() == name; });
}

}  // namespace walpack
