/*
 * The library walpack_sql: its magic block, walpack.version and walpack.decode.
 *
 * It is apart from the output plugin, so that the library which an administrator lists in
 * output_plugin_libraries stays small and has no SQL functions.
 */
#include "sql_compression.h"
#include "sql_record.h"
#include "sql_result.h"
#include "sql_server.h"

#ifndef WALPACK_VERSION
#error "the Makefile defines WALPACK_VERSION"
#endif

namespace walpack::sql {

namespace {

// One message, which nothing before it explains.
Datum decode_message(FunctionCallInfo fcinfo) {
    const ResultRows result = begin_result(fcinfo);
    const int encoding_level = begin_own_encoding();
    const bytea* message = PG_GETARG_BYTEA_PP(0);
    Session session = make_session(false);
    const Bytes received(reinterpret_cast<const uint8_t*>(VARDATA_ANY(message)),
                         VARSIZE_ANY_EXHDR(message));
    RecordReader reader(uncompressed(received), session.text_encoding);
    StringInfoData text;
    initStringInfo(&text);
    do {
        CHECK_FOR_INTERRUPTS();
        resetStringInfo(&text);
        JsonWriter json(&text);
        write_record(session, reader, json);
        Datum value = jsonb_of_text(&text);
        bool is_null = false;
        tuplestore_putvalues(result.rows, result.descriptor, &value, &is_null);
    } while (!reader.at_end());
    end_own_encoding(encoding_level);
    return Datum{0};
}

}  // namespace

}  // namespace walpack::sql

extern "C" {

PG_MODULE_MAGIC;

// Before 16 the macro below does not export the function.
PGDLLEXPORT Datum walpack_version(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum walpack_decode(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(walpack_version);
PG_FUNCTION_INFO_V1(walpack_decode);

Datum walpack_version(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    PG_RETURN_TEXT_P(cstring_to_text(WALPACK_VERSION));
}

Datum walpack_decode(PG_FUNCTION_ARGS) {
    return walpack::sql::decode_message(fcinfo);
}

}  // extern "C"
