#include "pg/error_kind.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/log.h"
#include "base/sqlstate.h"
#include "pg/connection.h"

namespace walpack {
namespace {

struct KindOfState {
    std::string_view prefix;  // a whole SQLSTATE or its class
    ErrorKind kind;
};

// Whole states stand before their classes. Source: appendix "PostgreSQL Error Codes" of the manual.
constexpr std::array kKinds = {
    KindOfState{"23505", ErrorKind::conflict},    // unique_violation
    KindOfState{"23P01", ErrorKind::conflict},    // exclusion_violation
    KindOfState{"25006", ErrorKind::connection},  // read_only_sql_transaction: a standby, for now
    KindOfState{"25P03", ErrorKind::connection},  // idle_in_transaction_session_timeout
    KindOfState{"25P04", ErrorKind::connection},  // transaction_timeout
    KindOfState{"55006", ErrorKind::connection},  // object_in_use: the slot's old walsender lives
    KindOfState{"55P03", ErrorKind::connection},  // lock_not_available
    KindOfState{"58P01", ErrorKind::config},      // undefined_file: the library is not installed
    KindOfState{"HV00N", ErrorKind::connection},  // fdw_unable_to_establish_connection
    KindOfState{"08", ErrorKind::connection},
    KindOfState{"40", ErrorKind::connection},  // serialization failure, deadlock
    KindOfState{"53", ErrorKind::connection},  // out of disk, memory, connections
    KindOfState{"57", ErrorKind::connection},  // shutdown, crash, cannot connect now, cancelled
    KindOfState{"58", ErrorKind::connection},  // system error
    KindOfState{"72", ErrorKind::connection},  // snapshot too old
    // Among them what passes, such as "tuple concurrently updated".
    KindOfState{"XX", ErrorKind::connection},
    KindOfState{"28", ErrorKind::config},
    KindOfState{"3D", ErrorKind::config},
    KindOfState{"55", ErrorKind::config},  // not in prerequisite state
    KindOfState{"F0", ErrorKind::config},
    KindOfState{"0A", ErrorKind::schema},
    KindOfState{"0L", ErrorKind::schema},
    KindOfState{"0P", ErrorKind::schema},
    KindOfState{"2B", ErrorKind::schema},
    KindOfState{"3F", ErrorKind::schema},
    KindOfState{"42", ErrorKind::schema},
    KindOfState{"HV", ErrorKind::schema},
    KindOfState{"54", ErrorKind::limit},
    // Of statements, transactions and cursors that we would have got wrong.
    KindOfState{"03", ErrorKind::protocol},
    KindOfState{"24", ErrorKind::protocol},
    KindOfState{"25", ErrorKind::protocol},
    KindOfState{"26", ErrorKind::protocol},
    KindOfState{"34", ErrorKind::protocol},
};

// They report what the server as a whole lacks, under numbers that they share with errors of
// statements: a file system that became read-only as a missing privilege, a file that cannot grow
// as an internal error, transaction numbers that ran out as a limit.
constexpr std::array<std::string_view, 8> kFilesOfTheServersState = {
    "md.c", "fd.c", "xlog.c", "slru.c", "buffile.c", "bufmgr.c", "varsup.c", "multixact.c"};

// Internal errors that other sessions cause, such as "tuple concurrently updated", whoever asked:
// one that alters or drops what is in use.
constexpr std::array<std::string_view, 8> kFilesOfPassingErrors = {
    "heapam.c",   "heapam_handler.c", "relation.c", "relcache.c",
    "syscache.c", "lsyscache.c",      "catcache.c", "typcache.c"};
// What functions in Perl, Python and Tcl report without a number of their own. Those of damaged
// data, XX001 and XX002, are the storage's.
constexpr std::string_view kInternalError = "XX000";

// The other states of class 54 are about statements. A transaction that has too many commands says
// program_limit_exceeded too, and no row of it is to blame.
constexpr std::string_view kFileOfTransactions = "xact.c";

bool is_of_the_storage(const ErrorOrigin& origin) {
    return std::ranges::find(kFilesOfTheServersState, origin.source_file) !=
           kFilesOfTheServersState.end();
}

// Texts of the server itself are known; those of functions are not.
bool is_of_the_server(std::string_view sqlstate) {
    constexpr std::array<std::string_view, 4> kOfFunctions = {"P0", "38", "39", "2F"};
    const bool is_known = std::ranges::any_of(kKinds, [sqlstate](const KindOfState& entry) {
        return sqlstate.starts_with(entry.prefix);
    });
    const std::string_view its_class = sqlstate.substr(0, 2);
    return (is_known || its_class == "22" || its_class == "23" || its_class == "44" ||
            its_class == "21" || its_class == "27") &&
           std::ranges::find(kOfFunctions, its_class) == kOfFunctions.end();
}

Error error_of(ErrorKind kind, const Result& result, const std::string& doing) {
    const std::string state = result.sqlstate();
    const std::string reason =
        state.empty() ? "the connection was lost" : message_without_values(result);
    return Error(kind, fmt::format("could not {}: {}", doing, reason))
        .sqlstate(state)
        .column(result.column_name())
        .schema(result.schema_name())
        .hint(hint_without_values(result));
}

}  // namespace

// What is not in the table is a value's: classes 22, 23 and 44, those of functions and triggers
// (P0, 38, 39, ...), and numbers that only a function of the target can have made up.
ErrorKind error_kind_of(std::string_view sqlstate, const ErrorOrigin& origin) {
    if (origin.ends_session) return ErrorKind::connection;
    if (is_of_the_storage(origin)) return ErrorKind::connection;
    // What the session itself has still to do with the table stays so at another try.
    if (sqlstate == kObjectInUse && origin.source_file == "tablecmds.c") return ErrorKind::schema;
    for (const KindOfState& entry : kKinds) {
        if (sqlstate.starts_with(entry.prefix)) return entry.kind;
    }
    return ErrorKind::value;
}

ErrorKind error_kind_of(const Result& result) {
    const std::string state = result.sqlstate();
    // Without an SQLSTATE the error is libpq's own: the connection broke.
    if (state.empty()) return ErrorKind::connection;
    return error_kind_of(state, {result.ends_session(), result.source_file()});
}

ErrorKind row_error_kind_of(std::string_view sqlstate, const ErrorOrigin& origin) {
    const ErrorKind kind = error_kind_of(sqlstate, origin);
    const bool is_size = kind == ErrorKind::limit && sqlstate == kProgramLimitExceeded &&
                         origin.source_file != kFileOfTransactions;
    const bool is_of_function = kind == ErrorKind::schema && origin.is_in_function &&
                                (sqlstate.starts_with("42") || sqlstate.starts_with("3F"));
    const bool is_passing =
        std::ranges::find(kFilesOfPassingErrors, origin.source_file) != kFilesOfPassingErrors.end();
    const bool is_reported = origin.is_in_function && sqlstate == kInternalError && !is_passing &&
                             !is_of_the_storage(origin) && !origin.ends_session;
    return is_size || is_of_function || is_reported ? ErrorKind::value : kind;
}

ErrorKind row_error_kind_of(const Result& result) {
    const std::string state = result.sqlstate();
    if (state.empty()) return ErrorKind::connection;
    return row_error_kind_of(
        state, {result.ends_session(), result.source_file(), result.is_in_function()});
}

std::string message_without_values(std::string_view sqlstate, std::string_view message,
                                   bool is_raised) {
    // These show the character's bytes.
    if (sqlstate == kUntranslatableCharacter)
        return "a character has no equivalent in the encoding of the target";
    if (sqlstate == kCharacterNotInRepertoire) return "a value is not valid in its encoding";
    if (is_raised || !is_of_the_server(sqlstate))
        return fmt::format("a trigger or function raised an exception with SQLSTATE {}", sqlstate);
    // Those about constraints (class 23) quote names only. A value may hold quotes itself, so
    // nothing between the first and the last is kept.
    const auto first = message.find('"');
    if (!sqlstate.starts_with("22") || first == std::string_view::npos) return std::string(message);
    return fmt::format("{}\"...{}", message.substr(0, first),
                       message.substr(message.find_last_of('"')));
}

std::string message_without_values(const Result& result) {
    const std::string whole = result.primary_message();
    // What a function reports by an internal error may say anything too.
    const bool is_raised =
        result.is_raised() || (result.sqlstate() == kInternalError && result.is_in_function());
    std::string message = message_without_values(result.sqlstate(), whole, is_raised);
    if (message != whole) log::debug("the server said: {}", whole);
    return message;
}

std::string hint_without_values(const Result& result) {
    return result.is_raised() || !is_of_the_server(result.sqlstate()) ? "" : result.hint();
}

Error row_error(const Result& result, const std::string& doing) {
    return error_of(row_error_kind_of(result), result, doing);
}

void throw_result_error(const Result& result, const std::string& doing) {
    throw error_of(error_kind_of(result), result, doing);
}

}  // namespace walpack
