#include "sql_json.h"

namespace walpack::sql {

void JsonWriter::separate() {
    if (needs_comma_) {
        appendStringInfoChar(out_, ',');
    }
    needs_comma_ = true;
}

void JsonWriter::open(char bracket) {
    separate();
    appendStringInfoChar(out_, bracket);
    needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
    appendStringInfoChar(out_, bracket);
    needs_comma_ = true;
}

void JsonWriter::key(const char* name) {
    separate();
    escape_json(out_, name);
    appendStringInfoChar(out_, ':');
    needs_comma_ = false;
}

void JsonWriter::null() {
    separate();
    appendStringInfoString(out_, "null");
}

void JsonWriter::boolean(bool value) {
    separate();
    appendStringInfoString(out_, value ? "true" : "false");
}

void JsonWriter::integer(int64_t value) {
    separate();
    appendStringInfo(out_, INT64_FORMAT, static_cast<int64>(value));
}

void JsonWriter::unsigned_integer(uint64_t value) {
    separate();
    appendStringInfo(out_, UINT64_FORMAT, static_cast<uint64>(value));
}

void JsonWriter::text(const char* value) {
    separate();
    escape_json(out_, value);
}

void JsonWriter::lsn(uint64_t value) {
    separate();
    appendStringInfo(out_, "\"%X/%X\"", static_cast<uint32>(value >> 32),
                     static_cast<uint32>(value));
}

void JsonWriter::number(const char* value) {
    const char* digits = value[0] == '-' ? value + 1 : value;
    const bool has_digits = digits[0] >= '0' && digits[0] <= '9';
    if (!has_digits || strcmp(value, "-0") == 0) {
        text(value);
        return;
    }
    separate();
    appendStringInfoString(out_, value);
}

void JsonWriter::float32(float value) {
    char digits[FLOAT_SHORTEST_DECIMAL_LEN];
    float_to_shortest_decimal_buf(value, digits);
    number(digits);
}

void JsonWriter::float64(double value) {
    char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
    double_to_shortest_decimal_buf(value, digits);
    number(digits);
}

void JsonWriter::hex(Bytes bytes) {
    separate();
    appendStringInfoString(out_, "\"\\\\x");
    const auto length = static_cast<int>(bytes.size());
    if (length > static_cast<int>(MaxAllocSize / 4)) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("value of %d bytes is too large to be shown as jsonb", length)));
    }
    enlargeStringInfo(out_, 2 * length + 1);
    hex_encode(reinterpret_cast<const char*>(bytes.data()), bytes.size(), out_->data + out_->len);
    out_->len += 2 * length;
    out_->data[out_->len] = '\0';
    appendStringInfoChar(out_, '"');
}

}  // namespace walpack::sql
