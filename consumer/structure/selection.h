// Which entries of an archive the published tables need: the tables with what they are made of, and
// what hangs on them afterwards.
//
//   before the rows   the tables, their parents and partitions, and everything that these depend
//                     on: types, functions, sequences, schemas, extensions (also those that the
//                     body of a function calls); what is attached to it all: defaults, owned
//                     sequences, attachments, comments, grants. Extensions of what comes after
//   after the rows    keys, indexes, foreign keys, triggers, policies and the like of the tables.
//                     What would need a table that is not published is refused, not half made
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "structure/archive.h"
#include "structure/source_facts.h"

namespace walpack {

struct RefusedObject {
    std::string description;
    std::string statement;
    std::string reason;
    std::uint32_t entry = 0;  // of the archive, where it was not tried
    std::uint32_t table = 0;  // whose it is, where it was; OID on the source
};

struct StructureSelection {
    // In the archive's order.
    std::vector<std::uint32_t> before;
    std::vector<std::uint32_t> after;
    std::vector<RefusedObject> refused;
};

// Whether entries of this kind are made after the rows.
bool is_post_data(const ArchiveEntry& entry, const SourceFacts& facts);

// The table (OID) that an entry is part of; 0 without one. `entries` by their numbers.
std::uint32_t table_of(const ArchiveEntry& entry,
                       const std::map<std::uint32_t, ArchiveEntry>& entries,
                       const SourceFacts& facts);

// OIDs on the source.
struct StructureChoice {
    std::set<std::uint32_t> published;  // tables whose rows come
    std::set<std::uint32_t> tables;     // those of them that are selected
    // Tables that are left as they are, with all that is theirs. What needs them comes; a partition
    // is attached to one of them after its rows, when it has the indexes that this asks for.
    std::set<std::uint32_t> left_alone;
    // When all tables of the archive are selected, functions, types and sequences come too that no
    // table needs.
    bool is_whole = false;
};

// Throws Error(schema) when the archive lacks one of the selected tables.
StructureSelection select_structure(const std::vector<ArchiveEntry>& archive,
                                    const SourceFacts& facts, const StructureChoice& choice);

}  // namespace walpack
