/*
 * One record of a message as a JSON object; docs/sql.md shows the shape of each.
 *
 * Strict: what protocol version 1 does not allow is an error that names the byte. Used by decode,
 * for a message by itself, and by the slot readers, which keep a Session from message to message.
 */
#ifndef WALPACK_PLUGIN_SQL_RECORD_H
#define WALPACK_PLUGIN_SQL_RECORD_H

#include "protocol/format.h"
#include "sql_json.h"
#include "sql_record_context.h"
#include "sql_record_reader.h"
#include "sql_server.h"

namespace walpack::sql {

// A session that begins here, in the current memory context.
Session make_session(bool requires_relations);

// Reads one record and writes it as one JSON object.
RecordSummary write_record(Session& session, RecordReader& reader, JsonWriter& json);

// `text`, written by a JsonWriter, as jsonb.
Datum jsonb_of_text(StringInfo text);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RECORD_H
