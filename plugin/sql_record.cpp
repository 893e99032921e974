#include "sql_record.h"

#include "sql_boundary.h"
#include "sql_rows.h"

namespace walpack::sql {

namespace {

void write_options(RecordContext& record) {
    const uint32_t pairs = record.reader.take_map("options");
    record.json.key("options");
    record.json.begin_object();
    for (uint32_t i = 0; i < pairs; i++) {
        record.json.key(record.reader.take_text("option name"));
        record.json.text(record.reader.take_text("option value"));
    }
    record.json.end_object();
}

void write_hello(RecordContext& record) {
    require_fields(record, 7);
    write_name(record, "hello");
    const size_t offset = record.reader.position();
    const uint64_t version = record.reader.take_unsigned("protocol version");
    if (version != WALPACK_PROTOCOL_VERSION) {
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("walpack protocol version " UINT64_FORMAT " at byte %zu is not supported",
                        static_cast<uint64>(version), offset),
                 errdetail("This library reads version %d.", WALPACK_PROTOCOL_VERSION)));
    }
    record.json.key("protocol");
    record.json.unsigned_integer(version);
    copy_text(record, "plugin_version");
    record.json.key("server_version");
    record.json.unsigned_integer(record.reader.take_unsigned("server version", UINT32_MAX));
    record.json.key("system_identifier");
    record.json.unsigned_integer(record.reader.take_unsigned("system identifier"));

    // The encoding, which comes second, tells how to read the database's name.
    const Item database = record.reader.take();
    const char* encoding = record.reader.take_text("encoding");
    record.session.text_encoding = pg_char_to_encoding(encoding);
    record.reader.set_text_encoding(record.session.text_encoding);
    record.json.key("database");
    record.json.text(record.reader.text_of(database, "database"));
    record.json.key("encoding");
    record.json.text(encoding);
    write_options(record);
    record.session.scopes.clear();
}

void write_relation_record(RecordContext& record) {
    require_fields(record, 9);
    write_name(record, "relation");
    write_relation(record.json, record.session.scopes.current().read(record.reader));
}

// A relation's name, or its id when it was not described.
const SourceRelation* write_relation_name(RecordContext& record) {
    const size_t offset = record.reader.position();
    const auto id = static_cast<uint32_t>(record.reader.take_unsigned("relation id", UINT32_MAX));
    const SourceRelation* relation = record.session.scopes.current().find(id);
    if (relation != nullptr) {
        record.json.text(relation->qualified_name);
    } else if (record.session.requires_relations) {
        report_invalid(offset, psprintf("relation %u was not described", id));
    } else {
        record.json.unsigned_integer(id);
    }
    return relation;
}

const char* row_record_name(int type) {
    switch (type) {
        case WALPACK_INSERT:
            return "insert";
        case WALPACK_UPDATE:
        case WALPACK_UPDATE_KEY:
        case WALPACK_UPDATE_FULL:
            return "update";
        default:
            return "delete";
    }
}

void write_row_record(RecordContext& record) {
    if (record.fields == 0) {
        require_fields(record, 2);
    }
    write_name(record, row_record_name(record.summary.type));
    record.json.key("relation");
    const SourceRelation* relation = write_relation_name(record);
    record.summary.changes =
        write_rows(record.json, record.reader, relation, record.summary.type, record.fields - 1);
}

void write_truncate(RecordContext& record) {
    require_fields(record, 2);
    write_name(record, "truncate");
    const uint32_t flags =
        read_flags(record, WALPACK_TRUNCATE_CASCADE | WALPACK_TRUNCATE_RESTART_IDENTITY);
    record.json.key("cascade");
    record.json.boolean((flags & WALPACK_TRUNCATE_CASCADE) != 0);
    record.json.key("restart_identity");
    record.json.boolean((flags & WALPACK_TRUNCATE_RESTART_IDENTITY) != 0);
    const size_t offset = record.reader.position();
    const uint32_t count = record.reader.take_array("truncated relations");
    if (count == 0) {
        report_invalid(offset, "a truncate names no relation");
    }
    record.json.key("relations");
    record.json.begin_array();
    for (uint32_t i = 0; i < count; i++) {
        write_relation_name(record);
    }
    record.json.end_array();
    record.summary.changes = 1;
}

void write_message(RecordContext& record) {
    require_fields(record, 4);
    write_name(record, "message");
    const uint32_t flags = read_flags(record, WALPACK_MESSAGE_TRANSACTIONAL);
    record.summary.transactional = (flags & WALPACK_MESSAGE_TRANSACTIONAL) != 0;
    record.summary.changes = record.summary.transactional ? 1 : 0;
    record.json.key("transactional");
    record.json.boolean(record.summary.transactional);
    copy_lsn(record, "lsn");
    copy_text(record, "prefix");
    const Bytes content = record.reader.take_bin("message content");
    const char* text = text_or_null(content, record.session.text_encoding);
    record.json.key(text != nullptr ? "content" : "content_hex");
    if (text != nullptr) {
        record.json.text(text);
    } else {
        record.json.hex(content);
    }
}

void write_notice(RecordContext& record) {
    require_fields(record, 2);
    write_name(record, "notice");
    const size_t offset = record.reader.position();
    const uint64_t code = record.reader.take_unsigned("notice code", UINT32_MAX);
    if (code != WALPACK_NOTICE_PUBLICATION_MISSING) {
        report_invalid(offset, psprintf("notice code %u is unknown", static_cast<uint32_t>(code)));
    }
    record.json.key("code");
    record.json.text("publication_missing");
    copy_text(record, "text");
}

void write_fragment(RecordContext& record) {
    require_fields(record, 2);
    const size_t offset = record.reader.position();
    const uint32_t flags = read_flags(
        record, WALPACK_FRAGMENT_FIRST | WALPACK_FRAGMENT_LAST | WALPACK_FRAGMENT_ABANDONED);
    const Bytes piece = record.reader.take_bin("fragment");
    if (flags > WALPACK_FRAGMENT_ABANDONED ||
        (flags == WALPACK_FRAGMENT_ABANDONED && !piece.empty())) {
        report_invalid(offset, "an abandoned fragment is also something else");
    }
    if (record.summary.offset != 0 || !record.reader.at_end()) {
        report_invalid(record.summary.offset, "a fragment is not alone in its message");
    }
    record.summary.piece_flags = flags;
    record.summary.piece = piece;
    write_name(record, "fragment");
    record.json.key("first");
    record.json.boolean((flags & WALPACK_FRAGMENT_FIRST) != 0);
    record.json.key("last");
    record.json.boolean((flags & WALPACK_FRAGMENT_LAST) != 0);
    record.json.key("abandoned");
    record.json.boolean((flags & WALPACK_FRAGMENT_ABANDONED) != 0);
    record.json.key("bytes");
    record.json.unsigned_integer(piece.size());
}

void write_fields(RecordContext& record) {
    switch (record.summary.type) {
        case WALPACK_HELLO:
            write_hello(record);
            break;
        case WALPACK_RELATION:
            write_relation_record(record);
            break;
        case WALPACK_INSERT:
        case WALPACK_UPDATE:
        case WALPACK_UPDATE_KEY:
        case WALPACK_UPDATE_FULL:
        case WALPACK_DELETE_KEY:
        case WALPACK_DELETE_FULL:
        case WALPACK_DELETE_NONE:
            write_row_record(record);
            break;
        case WALPACK_TRUNCATE:
            write_truncate(record);
            break;
        case WALPACK_MESSAGE:
            write_message(record);
            break;
        case WALPACK_NOTICE:
            write_notice(record);
            break;
        case WALPACK_FRAGMENT:
            write_fragment(record);
            break;
        case WALPACK_COMPRESSED:
            report_invalid(record.summary.offset,
                           "a compressed record is not a message of its own");
        default:
            if (!write_boundary(record)) {
                report_invalid(record.summary.offset,
                               psprintf("record type %d is unknown", record.summary.type));
            }
    }
}

}  // namespace

Session make_session(bool requires_relations) {
    return Session{RelationScopes(CurrentMemoryContext), GetDatabaseEncoding(), requires_relations};
}

RecordSummary write_record(Session& session, RecordReader& reader, JsonWriter& json) {
    RecordSummary summary = {};
    summary.offset = reader.position();
    const uint32_t count = reader.take_array("record");
    if (count == 0) {
        report_invalid(summary.offset, "record is empty");
    }
    summary.type = static_cast<int>(reader.take_unsigned("record type", PG_INT16_MAX));
    RecordContext record{session, reader, json, summary, count - 1};
    json.begin_object();
    write_fields(record);
    json.end_object();
    return summary;
}

Datum jsonb_of_text(StringInfo text) {
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(text->data));
}

}  // namespace walpack::sql
