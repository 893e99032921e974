#include <array>

#include <fmt/format.h>

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
    KindOfState{"55006", ErrorKind::connection},  // object_in_use: the slot's old walsender lives
    KindOfState{"55P03", ErrorKind::connection},  // lock_not_available
    KindOfState{"57014", ErrorKind::connection},  // query_canceled
    KindOfState{"58P01", ErrorKind::config},      // undefined_file: the library is not installed
    KindOfState{"08", ErrorKind::connection},
    KindOfState{"40", ErrorKind::connection},  // serialization failure, deadlock
    KindOfState{"53", ErrorKind::connection},  // out of disk, memory, connections
    KindOfState{"57", ErrorKind::connection},  // shutdown, crash, cannot connect now
    KindOfState{"58", ErrorKind::connection},  // system error
    KindOfState{"22", ErrorKind::value},
    KindOfState{"23", ErrorKind::value},
    KindOfState{"44", ErrorKind::value},
    KindOfState{"P0", ErrorKind::value},  // raised by a trigger
    KindOfState{"28", ErrorKind::config},
    KindOfState{"3D", ErrorKind::config},
    KindOfState{"42", ErrorKind::schema},
    KindOfState{"3F", ErrorKind::schema},
    KindOfState{"0A", ErrorKind::schema},
    KindOfState{"2B", ErrorKind::schema},
    KindOfState{"55", ErrorKind::config},  // not in prerequisite state
    KindOfState{"54", ErrorKind::limit},
};

}  // namespace

ErrorKind error_kind_of(std::string_view sqlstate) {
    for (const KindOfState& entry : kKinds) {
        if (sqlstate.starts_with(entry.prefix)) return entry.kind;
    }
    return ErrorKind::protocol;
}

void throw_result_error(const Result& result, const std::string& doing) {
    const std::string state = result.sqlstate();
    // Without an SQLSTATE the error is libpq's own: the connection broke.
    const ErrorKind kind = state.empty() ? ErrorKind::connection : error_kind_of(state);
    const std::string reason = state.empty() ? "the connection was lost" : result.primary_message();
    throw Error(kind, fmt::format("could not {}: {}", doing, reason))
        .sqlstate(state)
        .column(result.column_name())
        .hint(result.hint());
}

}  // namespace walpack
