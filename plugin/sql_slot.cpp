/*
 * walpack.peek_changes and walpack.get_changes: the changes of a slot as jsonb.
 *
 * They read the slot through the server's own functions, which check permissions and run the output
 * plugin, and turn each message into one row per record. Relations are remembered from message to
 * message, compressed messages are unpacked, fragments are put together, and every transaction is
 * checked against the count and digest at its end.
 *
 *     pg_logical_slot_{peek,get}_binary_changes -> message -> record (or fragments -> record) ->
 * row
 */
#include "sql_compression.h"
#include "sql_record.h"
#include "sql_result.h"
#include "sql_server.h"
#include "sql_transaction.h"

namespace walpack::sql {

namespace {

// Few at a time: a message may be as large as frame_bytes allows.
constexpr long kMessagesPerFetch = 8;

// One call. Lives on the stack of read_slot; its memory ends with SPI_finish.
struct SlotReader {
    ResultRows result;
    Session session;
    TransactionCheck check;
    StringInfoData json = {};
    StringInfoData pieces = {};  // the fragments received since the first
    bool has_pieces = false;
    Datum lsn = 0;  // of the message at hand
    Datum xid = 0;
    MemoryContext message_context = nullptr;
};

static_assert(std::is_trivially_destructible_v<SlotReader>);

// Says which message an error is about.
void add_message_context(void* reader) {
    const uint64_t lsn = DatumGetLSN(static_cast<const SlotReader*>(reader)->lsn);
    errcontext("walpack message at LSN %X/%X", static_cast<uint32>(lsn >> 32),
               static_cast<uint32>(lsn));
}

// The last record written becomes a row of the result, once it has its place in a transaction. Its
// xid is that of the top-level transaction, which for a rolled back subtransaction is not what the
// server says.
void emit_record(SlotReader& reader, const RecordSummary& record, Bytes message) {
    const uint32_t own_xid = reader.check.take_record(record, message);
    const Datum xid = own_xid != 0 ? TransactionIdGetDatum(own_xid) : reader.xid;
    Datum values[] = {reader.lsn, xid, jsonb_of_text(&reader.json)};
    bool nulls[] = {false, false, false};
    tuplestore_putvalues(reader.result.rows, reader.result.descriptor, values, nulls);
}

RecordSummary read_record(SlotReader& reader, RecordReader& fields) {
    resetStringInfo(&reader.json);
    JsonWriter json(&reader.json);
    return write_record(reader.session, fields, json);
}

// Keeps a fragment; the last one completes a record, which stands where that fragment does.
void take_fragment(SlotReader& reader, const RecordSummary& fragment, Bytes message) {
    const bool is_first = (fragment.piece_flags & WALPACK_FRAGMENT_FIRST) != 0;
    if (is_first == reader.has_pieces) {
        report_invalid(0, is_first ? "a fragment is first, but the one before was not the last"
                                   : "a fragment does not follow a first one");
    }
    if ((fragment.piece_flags & WALPACK_FRAGMENT_ABANDONED) != 0) {
        resetStringInfo(&reader.pieces);
        reader.has_pieces = false;
        return;
    }
    appendBinaryStringInfo(&reader.pieces, reinterpret_cast<const char*>(fragment.piece.data()),
                           static_cast<int>(fragment.piece.size()));
    reader.has_pieces = true;
    if ((fragment.piece_flags & WALPACK_FRAGMENT_LAST) == 0) {
        return;
    }
    RecordReader fields(Bytes(reinterpret_cast<const uint8_t*>(reader.pieces.data),
                              static_cast<size_t>(reader.pieces.len)),
                        reader.session.text_encoding);
    const RecordSummary record = read_record(reader, fields);
    if (record.type == WALPACK_FRAGMENT || !fields.at_end()) {
        report_invalid(fields.position(), "the fragments are not exactly one record");
    }
    emit_record(reader, record, message);
    reader.has_pieces = false;
    resetStringInfo(&reader.pieces);
}

void read_message(SlotReader& reader, Bytes message) {
    RecordReader fields(message, reader.session.text_encoding);
    reader.check.begin_message();
    do {
        const RecordSummary record = read_record(reader, fields);
        if (record.type == WALPACK_FRAGMENT) {
            take_fragment(reader, record, message);
            continue;
        }
        if (reader.has_pieces) {
            report_invalid(record.offset, "a record stands between fragments");
        }
        emit_record(reader, record, message);
    } while (!fields.at_end());
    reader.check.end_message(message);
}

// One row of the server's function.
void read_row(SlotReader& reader, HeapTuple tuple, TupleDesc descriptor) {
    bool is_null = false;
    reader.lsn = SPI_getbinval(tuple, descriptor, 1, &is_null);
    reader.xid = SPI_getbinval(tuple, descriptor, 2, &is_null);
    const Datum value = SPI_getbinval(tuple, descriptor, 3, &is_null);

    ErrorContextCallback callback = {};
    callback.callback = add_message_context;
    callback.arg = &reader;
    callback.previous = error_context_stack;
    error_context_stack = &callback;
    MemoryContext old_context = MemoryContextSwitchTo(reader.message_context);
    const bytea* data = DatumGetByteaPP(value);
    read_message(reader, uncompressed(Bytes(reinterpret_cast<const uint8_t*>(VARDATA_ANY(data)),
                                            VARSIZE_ANY_EXHDR(data))));
    MemoryContextSwitchTo(old_context);
    MemoryContextReset(reader.message_context);
    error_context_stack = callback.previous;
}

Portal open_slot(FunctionCallInfo fcinfo, const char* query) {
    constexpr int kArguments = 4;
    Oid types[kArguments] = {NAMEOID, LSNOID, INT4OID, TEXTARRAYOID};
    Datum values[kArguments];
    char nulls[kArguments];
    for (int i = 0; i < kArguments; i++) {
        values[i] = PG_GETARG_DATUM(i);
        nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
    }
    SPIPlanPtr plan = SPI_prepare(query, kArguments, types);
    if (plan == nullptr) {
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    }
    return SPI_cursor_open(nullptr, plan, values, nulls, false);
}

void read_messages(SlotReader& reader, Portal portal) {
    for (;;) {
        SPI_cursor_fetch(portal, true, kMessagesPerFetch);
        if (SPI_processed == 0) {
            return;
        }
        for (uint64 i = 0; i < SPI_processed; i++) {
            CHECK_FOR_INTERRUPTS();
            read_row(reader, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
        }
        SPI_freetuptable(SPI_tuptable);
    }
}

Datum read_slot(FunctionCallInfo fcinfo, const char* query) {
    const ResultRows result = begin_result(fcinfo);
    const int encoding_level = begin_own_encoding();
    if (SPI_connect() != SPI_OK_CONNECT) {
        elog(ERROR, "SPI_connect failed");
    }
    SlotReader reader = {.result = result,
                         .session = make_session(true),
                         .check = TransactionCheck(CurrentMemoryContext)};
    reader.message_context =
        AllocSetContextCreate(CurrentMemoryContext, "walpack message", ALLOCSET_DEFAULT_SIZES);
    initStringInfo(&reader.json);
    initStringInfo(&reader.pieces);
    Portal portal = open_slot(fcinfo, query);
    read_messages(reader, portal);
    reader.check.finish();
    SPI_cursor_close(portal);
    SPI_finish();
    end_own_encoding(encoding_level);
    return Datum{0};
}

}  // namespace

}  // namespace walpack::sql

extern "C" {

// Before 16 the macro below does not export the function.
PGDLLEXPORT Datum walpack_peek_changes(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum walpack_get_changes(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(walpack_peek_changes);
PG_FUNCTION_INFO_V1(walpack_get_changes);

Datum walpack_peek_changes(PG_FUNCTION_ARGS) {
    return walpack::sql::read_slot(
        fcinfo,
        "SELECT lsn, xid, data"
        " FROM pg_catalog.pg_logical_slot_peek_binary_changes($1, $2, $3, VARIADIC $4)");
}

Datum walpack_get_changes(PG_FUNCTION_ARGS) {
    return walpack::sql::read_slot(
        fcinfo,
        "SELECT lsn, xid, data"
        " FROM pg_catalog.pg_logical_slot_get_binary_changes($1, $2, $3, VARIADIC $4)");
}

}  // extern "C"
