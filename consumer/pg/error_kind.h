// What an error of a server means for the consumer, and what of its text may be shown.
//
// A connection fault is worth another try and never a fault of a row. So the SQLSTATE alone does
// not decide: an error that ends the session, and one that the server's storage reports, is about
// the server whatever its number. docs/operations.md has the same table for people.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "pg/result.h"

namespace walpack {

// Where an error came from, besides its SQLSTATE.
struct ErrorOrigin {
    bool ends_session = false;     // FATAL or PANIC
    std::string_view source_file;  // of the server's source, without folders
    bool is_in_function = false;   // of the database, such as that of a trigger
};

// connection: lost, refused, shut down, or worth another try (deadlock, serialization, lock
// timeout, out of resources, internal error); conflict: unique and exclusion violations; value:
// other data exceptions and constraint violations, and whatever a trigger or function raised;
// schema: undefined or mismatching objects, missing privileges; config: authentication and the
// like; limit: a size that the server does not take; protocol: we misuse the connection.
ErrorKind error_kind_of(std::string_view sqlstate, const ErrorOrigin& origin = {});
ErrorKind error_kind_of(const Result& result);

// The same of a statement that writes rows, or of their commit. There a value is to blame for a
// size that the server does not take, such as that of an index row, and the row for what a trigger
// or function does not find or may not do, or reports as an internal error: the statement itself
// was understood. (Nothing tells an internal error of a trigger in C from the server's.)
ErrorKind row_error_kind_of(std::string_view sqlstate, const ErrorOrigin& origin = {});
ErrorKind row_error_kind_of(const Result& result);

// What throw_result_error() (connection.h) throws, of a statement that writes rows.
Error row_error(const Result& result, const std::string& doing);

// Whether a row is to blame, and not the server or the connection.
inline bool is_about_values(ErrorKind kind) {
    return kind == ErrorKind::value || kind == ErrorKind::conflict;
}

// The primary message without values of rows: of errors about values the quoted part, which may
// hold any text, is left out, and of what a function raised all of it.
std::string message_without_values(std::string_view sqlstate, std::string_view message,
                                   bool is_raised);
// What is left out is logged at level debug.
std::string message_without_values(const Result& result);
// The server's hint; empty where a function wrote it.
std::string hint_without_values(const Result& result);

}  // namespace walpack
