// Creates the entries of an archive that come before the rows, on the target, inside the caller's
// open transaction: what is there is left alone, what the target refuses is noted and the rest goes
// on.
//
// Owners and grants of tables are only tried: they come last, since a role that gave its tables
// away might not be able to fill them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "structure/post_data.h"
#include "structure/selection.h"
#include "structure/source_facts.h"
#include "structure/structure_dump.h"

namespace walpack {

struct CreatedStructure {
    std::set<std::uint32_t> tables;  // OIDs on the source
    std::size_t objects = 0;         // of all kinds
    std::vector<RefusedObject> refused;
    std::size_t refused_tables = 0;
    std::vector<PostDataItem> last;  // owners and grants of tables
};

// `target` has the settings of set_up_structure_session(). Throws what is no refusal.
CreatedStructure create_structure(const std::vector<std::uint32_t>& before,
                                  const ArchiveTexts& archive, const SourceFacts& facts,
                                  Connection& target);

}  // namespace walpack
