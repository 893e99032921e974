// What a refused statement ends the attempt with.
#pragma once

#include "apply/in_flight.h"
#include "apply/unbatched_tables.h"
#include "base/error.h"
#include "pg/connection.h"

namespace walpack {

// Throws `error`, which the statement's result came to, once the target's transaction was rolled
// back. A table whose batch was refused goes into `unbatched`. A statement that the target does not
// understand any more may stand for a table that was altered there: a fresh look at it through
// `control` tells, and then Error(connection) is thrown, as starting again helps.
[[noreturn]] void throw_refusal(const SentStatement& sent, const Error& error, Connection& control,
                                UnbatchedTables& unbatched);

// The second half of that: Error(connection) where the table was altered since, else nothing.
void throw_if_altered(const SentStatement& sent, const Error& error, Connection& control);

}  // namespace walpack
