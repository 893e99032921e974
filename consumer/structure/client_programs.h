// PostgreSQL's own pg_dump and pg_restore: found on this machine, and run for the structure of a
// database.
//
// pg_dump reads servers older than itself, not newer ones; so the lowest version that is at least
// the source's is taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_request.h"
#include "pg/conninfo.h"

namespace walpack {

struct ClientPrograms {
    std::string pg_dump;  // paths
    std::string pg_restore;
    int major_version = 0;
};

// "pg_dump (PostgreSQL) 15.4 (Debian ...)" -> 15; nullopt for anything else.
std::optional<int> parse_program_version(std::string_view text);

// nullptr when none is new enough. Of equal versions the first.
const ClientPrograms* choose_client_programs(const std::vector<ClientPrograms>& found,
                                             int major_version);

// Looks into PATH and into the usual folders of packages. Throws Error(config), which says what
// there is and what to install, when nothing is new enough for a server of this version (as
// Connection::server_version() gives it).
ClientPrograms find_client_programs(int server_version, const StopRequest& stop);

// A table in the form of pg_dump's patterns.
struct DumpOptions {
    std::vector<std::string> excluded_tables;  // quoted, "schema"."table"
};

// The archive, in pg_dump's custom format, of the structure of a database, without rows. Waits for
// a lock on a table for half a minute at most. Throws Error(schema) with what pg_dump said.
std::string dump_structure(const ClientPrograms& programs, const Conninfo& source,
                           const DumpOptions& options, const StopRequest& stop);

// The archive's list of entries with their dependencies (pg_restore -l -v).
std::string list_archive(const ClientPrograms& programs, const std::string& archive,
                         const StopRequest& stop);

// The SQL of the entries of these numbers, each after a comment that names it; with or without the
// statement that gives each its owner.
std::string render_archive(const ClientPrograms& programs, const std::string& archive,
                           const std::vector<std::uint32_t>& entries, bool with_owners,
                           const StopRequest& stop);

}  // namespace walpack
