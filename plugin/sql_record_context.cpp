#include "sql_record_context.h"

namespace walpack::sql {

void require_fields(const RecordContext& record, uint32_t expected) {
    if (record.fields != expected) {
        report_invalid(record.summary.offset,
                       psprintf("record of type %d has %u fields, expected %u", record.summary.type,
                                record.fields, expected));
    }
}

uint32_t read_flags(RecordContext& record, uint32_t known) {
    const size_t offset = record.reader.position();
    const auto flags = static_cast<uint32_t>(record.reader.take_unsigned("flags", UINT32_MAX));
    if ((flags & ~known) != 0) {
        report_invalid(offset, psprintf("flags %u have unknown bits", flags));
    }
    return flags;
}

void write_name(RecordContext& record, const char* name) {
    record.json.key("record");
    record.json.text(name);
}

uint32_t copy_xid(RecordContext& record, const char* key) {
    const auto xid = static_cast<uint32_t>(record.reader.take_unsigned(key, UINT32_MAX));
    record.json.key(key);
    record.json.unsigned_integer(xid);
    return xid;
}

uint64_t copy_lsn(RecordContext& record, const char* key) {
    const uint64_t lsn = record.reader.take_unsigned(key);
    record.json.key(key);
    record.json.lsn(lsn);
    return lsn;
}

void copy_lsn_after(RecordContext& record, uint64_t start, const char* key) {
    const uint64_t size =
        record.reader.take_unsigned("distance to the end LSN", UINT64_MAX - start);
    record.json.key(key);
    record.json.lsn(start + size);
}

void copy_text(RecordContext& record, const char* key) {
    record.json.key(key);
    record.json.text(record.reader.take_text(key));
}

void copy_time(RecordContext& record, const char* key) {
    const Item item = record.reader.take();
    int64_t time = 0;
    if (!integer_of(item, PG_INT64_MIN, PG_INT64_MAX, &time)) {
        report_unexpected(item, key, "an integer of microseconds");
    }
    if (!TIMESTAMP_NOT_FINITE(time) && !IS_VALID_TIMESTAMP(time)) {
        report_invalid(item.offset, psprintf("%s is out of range", key));
    }
    const Datum text = DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(time));
    record.json.key(key);
    record.json.text(DatumGetCString(text));
}

}  // namespace walpack::sql
