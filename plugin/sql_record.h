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
#include "sql_record_reader.h"
#include "sql_relation.h"
#include "sql_server.h"

namespace walpack::sql {

// What earlier records said that later ones depend on.
struct Session {
    RelationMap relations;
    int text_encoding;        // of `bin` text; negative when Hello named one unknown to this server
    bool requires_relations;  // rows of a relation that was not described are an error
};

// What a reader of whole transactions must know of a record.
struct RecordSummary {
    size_t offset;  // of its first byte
    int type;
    uint64_t changes;      // what it adds to the count in Commit
    uint64_t commit_lsn;   // Begin and Commit
    uint64_t total;        // Commit: its count
    uint32_t digest;       // Commit
    bool transactional;    // Message
    uint32_t piece_flags;  // Fragment
    Bytes piece;           // Fragment; points into the message
};

static_assert(std::is_trivially_destructible_v<Session>);
static_assert(std::is_trivially_destructible_v<RecordSummary>);

// A session that begins here, in the current memory context.
Session make_session(bool requires_relations);

// Reads one record and writes it as one JSON object.
RecordSummary write_record(Session& session, RecordReader& reader, JsonWriter& json);

// `text`, written by a JsonWriter, as jsonb.
Datum jsonb_of_text(StringInfo text);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RECORD_H
