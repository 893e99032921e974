#include "structure/structure_session.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/sqlstate.h"

namespace walpack {
namespace {

// Settings that a server does not know are left out by the join. Those of the planner are what the
// applier's sessions change: validating a foreign key is a join of two whole tables.
constexpr const char* kPinSettings = R"(
SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.setting, false))
FROM (VALUES
    ('check_function_bodies', 'off'), ('xmloption', 'content'), ('row_security', 'off'),
    ('standard_conforming_strings', 'on'), ('default_tablespace', ''),
('default_transaction_read_only', 'off'),
    ('default_transaction_isolation', 'read committed'), ('statement_timeout', '0'),
    ('lock_timeout', '30s'), ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
    ('enable_seqscan', 'on'), ('enable_bitmapscan', 'on'), ('enable_hashjoin', 'on'),
    ('enable_mergejoin', 'on'), ('enable_material', 'on'), ('enable_memoize', 'on')
) v(name, setting)
JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = v.name)";

// duplicate_object, duplicate_table (any relation), duplicate_schema, duplicate_function.
constexpr std::array<std::string_view, 4> kExists = {"42710", "42P07", "42P06", "42723"};

}  // namespace

void set_up_structure_session(Connection& target) {
    target.execute(kPinSettings);
    target.execute("SELECT pg_catalog.set_config('search_path', '', false)");
}

bool is_refusal(const Error& error) {
    if (error.sqlstate().empty() || error.kind() == ErrorKind::cancelled) return false;
    // A library or a control file that the server does not have, although the class is of system
    // errors.
    return error.kind() != ErrorKind::connection || error.sqlstate() == kUndefinedFile;
}

bool says_exists(const Error& error) {
    // The catalogue's own index: another session was making it, which has committed meanwhile.
    if (error.sqlstate() == kUniqueViolation && error.schema() == "pg_catalog") return true;
    return std::find(kExists.begin(), kExists.end(), error.sqlstate()) != kExists.end();
}

std::string server_message(const Error& error) {
    constexpr std::string_view kOurWords = "could not run a command: ";
    const std::string message = error.message();
    return message.starts_with(kOurWords) ? message.substr(kOurWords.size()) : message;
}

}  // namespace walpack
