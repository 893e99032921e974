// The entries of an archive that come after the rows, as items of walpack.post_data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "structure/archive.h"
#include "structure/post_data.h"
#include "structure/source_facts.h"

namespace walpack {

// Which kind of item an entry is.
PostDataKind post_data_kind(const ArchiveEntry& entry,
                            const std::map<std::uint32_t, ArchiveEntry>& entries,
                            const SourceFacts& facts);

// Adds NOT VALID to the statement of a foreign key; nullopt when it says so already, or has a
// constraint that is not enforced: then there is nothing to validate.
std::optional<std::string> as_not_valid(const std::string& statement);

// In the order of `after`, without numbers; only of the tables (OIDs) in `made`. `texts` is the SQL
// of each entry.
std::vector<PostDataItem> post_data_items(const std::vector<std::uint32_t>& after,
                                          const std::map<std::uint32_t, ArchiveEntry>& entries,
                                          const std::map<std::uint32_t, std::string>& texts,
                                          const SourceFacts& facts,
                                          const std::set<std::uint32_t>& made);

}  // namespace walpack
