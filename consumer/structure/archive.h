// The entries of an archive of pg_dump, as pg_restore lists them, and the SQL of each.
//
//   219; 1259 16517 TABLE shop customer postgres
//   ;	depends on: 273 217 7
//
// An entry that is an object is known by the catalogue and the OID that it has on the source.
// Those without (class 0: comments, grants, attachments) belong to what they depend on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace walpack {

struct ArchiveEntry {
    std::uint32_t id = 0;
    std::uint32_t class_oid = 0;
    std::uint32_t object_oid = 0;
    std::string kind;    // "TABLE", "FK CONSTRAINT", ...
    std::string schema;  // "-" without one
    std::string name;    // as it is listed: not quoted, with the table in front where it has one
    std::vector<std::uint32_t> depends_on;

    // For log and list: "INDEX public orders_customer_idx".
    std::string description() const;
};

// In the order of the archive, in which everything can be made. Throws Error(protocol) when the
// text is no such list.
std::vector<ArchiveEntry> parse_archive_list(std::string_view text);

// Text by entry, without comments and session settings around it. Entries without any are left out.
std::map<std::uint32_t, std::string> split_archive_script(
    std::string_view script, const std::map<std::uint32_t, ArchiveEntry>& entries);

// The single statements of a text; not for bodies of functions in standard SQL.
std::vector<std::string> split_statements(std::string_view sql);

}  // namespace walpack
