/*
 * What reading one record has to do with: the session before it, what is to be known of it after,
 * and the pieces that records of every kind are read and written with.
 */
#ifndef WALPACK_PLUGIN_SQL_RECORD_CONTEXT_H
#define WALPACK_PLUGIN_SQL_RECORD_CONTEXT_H

#include "sql_json.h"
#include "sql_record_reader.h"
#include "sql_scope.h"
#include "sql_server.h"

namespace walpack::sql {

// What earlier records said that later ones depend on.
struct Session {
    RelationScopes scopes;
    int text_encoding;        // of `bin` text; negative when Hello named one unknown to this server
    bool requires_relations;  // rows of a relation that was not described are an error
};

// What a reader of whole transactions must know of a record.
struct RecordSummary {
    size_t offset;  // of its first byte
    int type;
    uint64_t changes;      // what it adds to the count of its transaction
    uint32_t xid;          // of the top-level transaction, where the record names it; else 0
    uint32_t subxid;       // StreamAbort
    uint64_t lsn;          // of the commit or prepare record, where the record names it
    uint64_t total;        // end of a transaction: its count
    uint32_t digest;       // end of a transaction
    bool transactional;    // Message
    uint32_t piece_flags;  // Fragment
    Bytes piece;           // Fragment; points into the message
};

static_assert(std::is_trivially_destructible_v<Session>);
static_assert(std::is_trivially_destructible_v<RecordSummary>);

// One record being read.
struct RecordContext {
    Session& session;
    RecordReader& reader;
    JsonWriter& json;
    RecordSummary& summary;
    uint32_t fields;  // elements of the record that follow its type
};

// Reports a record that has another number of fields.
void require_fields(const RecordContext& record, uint32_t expected);

// Flags none of which may be unknown.
uint32_t read_flags(RecordContext& record, uint32_t known);

// The member "record".
void write_name(RecordContext& record, const char* name);

// Each reads the next field and writes it as the member `key`.
uint32_t copy_xid(RecordContext& record, const char* key);
uint64_t copy_lsn(RecordContext& record, const char* key);
void copy_text(RecordContext& record, const char* key);
void copy_time(RecordContext& record, const char* key);

// The next field, a distance from `start`, is written as the LSN that lies there.
void copy_lsn_after(RecordContext& record, uint64_t start, const char* key);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RECORD_CONTEXT_H
