#include "sql_record_reader.h"

namespace walpack::sql {

void report_invalid(size_t offset, const char* what) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                    errmsg("invalid walpack message at byte %zu: %s", offset, what)));
    pg_unreachable();
}

const char* item_type_name(ItemType type) {
    switch (type) {
        case ItemType::kNil:
            return "nil";
        case ItemType::kBool:
            return "a boolean";
        case ItemType::kUnsigned:
        case ItemType::kNegative:
            return "an integer";
        case ItemType::kFloat32:
            return "a float 32";
        case ItemType::kFloat64:
            return "a float 64";
        case ItemType::kStr:
            return "a str";
        case ItemType::kBin:
            return "a bin";
        case ItemType::kArray:
            return "an array";
        case ItemType::kMap:
            return "a map";
        case ItemType::kExtension:
            return "an extension";
    }
    return "an unknown item";
}

void report_unexpected(const Item& item, const char* field, const char* expected) {
    const char* found = item_type_name(item.type);
    if (item.type == ItemType::kUnsigned) {
        found = psprintf("the integer " UINT64_FORMAT, static_cast<uint64>(item.unsigned_value));
    } else if (item.type == ItemType::kNegative) {
        found = psprintf("the integer " INT64_FORMAT, static_cast<int64>(item.negative_value));
    }
    report_invalid(item.offset, psprintf("%s should be %s, found %s", field, expected, found));
}

char* text_or_null(Bytes bytes, int encoding) {
    const char* start = reinterpret_cast<const char*>(bytes.data());
    const int length = static_cast<int>(bytes.size());
    if (encoding < 0 || !pg_verify_mbstr(encoding, start, length, true)) {
        return nullptr;
    }
    // Returns its argument, which has no terminator here, when nothing is to be converted.
    char* converted =
        length == 0 ? const_cast<char*>("") : pg_any_to_server(start, length, encoding);
    return converted == start ? pnstrdup(start, length) : converted;
}

bool integer_of(const Item& item, int64_t min, int64_t max, int64_t* value) {
    if (item.type == ItemType::kNegative) {
        *value = item.negative_value;
    } else if (item.type == ItemType::kUnsigned && item.unsigned_value <= PG_INT64_MAX) {
        *value = static_cast<int64_t>(item.unsigned_value);
    } else {
        return false;
    }
    return *value >= min && *value <= max;
}

Item RecordReader::take() {
    Item item;
    if (!reader_.next(&item)) {
        report_invalid(reader_.failure_offset(), reader_.failure());
    }
    return item;
}

uint32_t RecordReader::take_array(const char* field) {
    const Item item = take();
    if (item.type != ItemType::kArray) {
        report_unexpected(item, field, "an array");
    }
    return item.count;
}

uint32_t RecordReader::take_map(const char* field) {
    const Item item = take();
    if (item.type != ItemType::kMap) {
        report_unexpected(item, field, "a map");
    }
    return item.count;
}

void RecordReader::take_array_of(uint32_t count, const char* field) {
    const Item item = take();
    if (item.type != ItemType::kArray) {
        report_unexpected(item, field, "an array");
    }
    if (item.count != count) {
        report_invalid(item.offset,
                       psprintf("%s has %u elements, expected %u", field, item.count, count));
    }
}

uint64_t RecordReader::take_unsigned(const char* field, uint64_t max) {
    const Item item = take();
    if (item.type != ItemType::kUnsigned || item.unsigned_value > max) {
        report_unexpected(item, field, "an unsigned integer");
    }
    return item.unsigned_value;
}

int32_t RecordReader::take_int32(const char* field) {
    const Item item = take();
    int64_t value = 0;
    if (!integer_of(item, PG_INT32_MIN, PG_INT32_MAX, &value)) {
        report_unexpected(item, field, "a 32-bit integer");
    }
    return static_cast<int32_t>(value);
}

char* RecordReader::take_text(const char* field) {
    return text_of(take(), field);
}

Bytes RecordReader::take_bin(const char* field) {
    const Item item = take();
    if (item.type != ItemType::kBin) {
        report_unexpected(item, field, "a bin");
    }
    return item.bytes;
}

char* RecordReader::text_of(const Item& item, const char* field) const {
    if (item.type != ItemType::kStr && item.type != ItemType::kBin) {
        report_unexpected(item, field, "text");
    }
    const int encoding = item.type == ItemType::kStr ? PG_UTF8 : text_encoding_;
    char* text = text_or_null(item.bytes, encoding);
    if (text == nullptr && encoding < 0) {
        report_invalid(item.offset, psprintf("%s is text in an unknown encoding", field));
    }
    if (text == nullptr) {
        report_invalid(item.offset,
                       psprintf("%s is not valid %s text", field, pg_encoding_to_char(encoding)));
    }
    return text;
}

}  // namespace walpack::sql
