/*
 * The records that begin and end a transaction, or divide it: whole ones, those in progress, which
 * come in blocks, and prepared ones.
 *
 * They also say which scope the relation ids that follow belong to.
 */
#ifndef WALPACK_PLUGIN_SQL_BOUNDARY_H
#define WALPACK_PLUGIN_SQL_BOUNDARY_H

#include "sql_record_context.h"
#include "sql_server.h"

namespace walpack::sql {

// Reads and writes the fields of such a record; false when its type is another one.
bool write_boundary(RecordContext& record);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_BOUNDARY_H
