/*
 * The compact forms of numeric, arrays and jsonb (docs/protocol.md, Compact forms) -> the send
 * form, or the text that the server writes.
 */
#ifndef WALPACK_PLUGIN_SQL_COMPACT_H
#define WALPACK_PLUGIN_SQL_COMPACT_H

#include "sql_record_reader.h"
#include "sql_relation.h"
#include "sql_server.h"

namespace walpack::sql {

// Of a bin; palloc'd. Reports what is malformed. The bytes of other kinds are returned as they are.
Bytes expand_compact(const Column& column, const Item& item);

// The text with its blanks; palloc'd.
char* expand_json(const char* text);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_COMPACT_H
