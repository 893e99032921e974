// What the published tables need beside themselves (types, functions, sequences, extensions and the
// like), and who owns and may use it all: as pg_dump writes it of either side, compared statement
// by statement. The tables' own parts are compared by table_definitions.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "schema/published_table.h"
#include "structure/structure_dump.h"

namespace walpack {

// Of an entry of the archive.
struct ObjectDefinition {
    // Grants are statements of their own; of other objects there is one text. None of a table, and
    // of its parts, which are compared elsewhere.
    std::vector<std::string> statements;
    std::string owner;  // the statement that gives it; empty where pg_dump has none
};

// By description: "TYPE shop mood".
using StructureDefinitions = std::map<std::string, ObjectDefinition>;

StructureDefinitions structure_definitions(const ArchiveTexts& texts, bool with_comments);

// A line for each difference: "TYPE shop mood: source CREATE TYPE ... | target missing". `roles`
// are those of the target, as SQL writes them: owners and grants of others cannot be there.
std::vector<std::string> compare_structures(const StructureDefinitions& source,
                                            const StructureDefinitions& target,
                                            const std::set<std::string>& roles);

struct ComparedEnd {
    const Conninfo& conninfo;
    Connection& connection;  // to the same database, outside of a transaction
};

struct StructureComparison {
    std::size_t objects = 0;  // of the source, that were compared
    std::vector<std::string> differences;
};

// The right MAINTAIN came with version 17. `statement` is of one of two ends between which that
// lies: where it grants all other rights to a table it reads "GRANT ALL", which is what it was at
// the older end.
std::string with_all_rights(const std::string& statement);

// Of what init makes for the published tables, and of what the target's tables need beyond that.
// Runs pg_dump on both ends. Leaves search_path of both at pg_catalog.
StructureComparison compare_ends(const ComparedEnd& source, const ComparedEnd& target,
                                 const std::vector<PublishedTable>& published, bool with_comments,
                                 const StopRequest& stop);

}  // namespace walpack
