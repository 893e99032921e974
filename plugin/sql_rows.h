/*
 * The row records, Insert to DeleteNone, as JSON.
 *
 * Each row is an object with the members "new", "old" and "key" that the record has, each an object
 * by column name, or an array of raw values when the relation is not known; and "unchanged_toast",
 * the columns (or positions from 1) whose value was not sent.
 */
#ifndef WALPACK_PLUGIN_SQL_ROWS_H
#define WALPACK_PLUGIN_SQL_ROWS_H

#include "sql_json.h"
#include "sql_record_reader.h"
#include "sql_relation.h"
#include "sql_server.h"

namespace walpack::sql {

// relation is NULL when the message did not describe it. `tuples` are left in the record, which
// ends with them. Returns the number of rows.
uint64_t write_rows(JsonWriter& json, RecordReader& reader, const SourceRelation* relation,
                    int record_type, uint32_t tuples);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_ROWS_H
