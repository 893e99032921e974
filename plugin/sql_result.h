/*
 * What the set-returning functions share: their result, and a session that is fit for text.
 */
#ifndef WALPACK_PLUGIN_SQL_RESULT_H
#define WALPACK_PLUGIN_SQL_RESULT_H

#include "sql_server.h"

namespace walpack::sql {

// Rows of a set-returning function, kept in a tuplestore that the executor owns and may spill.
struct ResultRows {
    Tuplestorestate* rows;
    TupleDesc descriptor;
};

// Sets up the function's result. Reports an error when the caller cannot take a set.
ResultRows begin_result(FunctionCallInfo fcinfo);

// Type receive and send functions convert between client_encoding and the encoding of the database;
// walpack messages are in the latter. Sets the former to the latter until end_own_encoding, which
// takes the value returned here; an error undoes it too.
int begin_own_encoding();
void end_own_encoding(int level);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RESULT_H
