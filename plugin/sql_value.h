/*
 * One value of a row as JSON, by the kind of its column.
 *
 * Booleans are booleans, numbers are numbers, everything else is a string that the type's input
 * function reads back to the same value. The SQL functions pin DateStyle and the like, see the
 * extension script.
 */
#ifndef WALPACK_PLUGIN_SQL_VALUE_H
#define WALPACK_PLUGIN_SQL_VALUE_H

#include "sql_json.h"
#include "sql_record_reader.h"
#include "sql_relation.h"
#include "sql_server.h"

namespace walpack::sql {

// "int4"; NULL for a kind that the format does not know.
const char* kind_name(uint32_t kind);

// Looks up the type functions that the column's values need, in the current memory context.
// send_form_is_own: values in send form have their text in the encoding of this database.
void prepare_input(const Column& column, bool send_form_is_own, TypeInput* input);

// Writes a value that is known not to be the unchanged TOAST marker.
void write_value(JsonWriter& json, const RecordReader& reader, const Column& column,
                 const Item& item);

// Writes a value whose column is not known: what MessagePack says it is.
void write_raw_value(JsonWriter& json, const RecordReader& reader, const Item& item);

// True for the marker; reports any other extension.
bool is_unchanged_toast(const Item& item);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_VALUE_H
