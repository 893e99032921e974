#include "sql_compression.h"

#include <lz4.h>
#include <zstd.h>

#include "protocol/column_order.h"
#include "protocol/format.h"
#include "sql_record_reader.h"
#include "sql_server.h"

namespace walpack::sql {

namespace {

// An LZ4 block cannot hold more than this many times its own length.
constexpr uint64_t kLz4ExpansionMax = 255;

struct Target {
    uint8_t* start;
    size_t size;
};

bool is_compressed(Bytes message) {
    MsgpackReader reader(message);
    Item item;
    return reader.next(&item) && item.type == ItemType::kArray && reader.next(&item) &&
           item.type == ItemType::kUnsigned && item.unsigned_value == WALPACK_COMPRESSED;
}

bool can_hold_lz4(Bytes data, uint64_t size) {
    return size <= data.size() * kLz4ExpansionMax;
}

// One frame, and nothing behind it. The length that a frame may state is its writer's word, too.
bool can_hold_zstd(Bytes data, uint64_t size) {
    const auto stated = ZSTD_getFrameContentSize(data.data(), data.size());
    return (stated == ZSTD_CONTENTSIZE_UNKNOWN || stated == size) &&
           ZSTD_findFrameCompressedSize(data.data(), data.size()) == data.size();
}

bool decompress_lz4(Bytes data, const Target& target) {
    const int size = LZ4_decompress_safe(
        reinterpret_cast<const char*>(data.data()), reinterpret_cast<char*>(target.start),
        static_cast<int>(data.size()), static_cast<int>(target.size));
    return size >= 0 && static_cast<size_t>(size) == target.size;
}

bool decompress_zstd(Bytes data, const Target& target) {
    const size_t size = ZSTD_decompress(target.start, target.size, data.data(), data.size());
    return ZSTD_isError(size) == 0 && size == target.size;
}

struct Method {
    uint64_t number;
    const char* failure;
    bool (*can_hold)(Bytes data, uint64_t size);
    bool (*decompress)(Bytes data, const Target& target);
    bool is_in_column_order;
};

constexpr Method kMethods[] = {
    {WALPACK_COMPRESSION_LZ4, "the data is not an LZ4 block of the announced length", can_hold_lz4,
     decompress_lz4, false},
    {WALPACK_COMPRESSION_ZSTD, "the data is not a Zstandard frame of the announced length",
     can_hold_zstd, decompress_zstd, false},
    {WALPACK_COMPRESSION_LZ4_COLUMNS, "the data is not an LZ4 block of the announced length",
     can_hold_lz4, decompress_lz4, true},
    {WALPACK_COMPRESSION_ZSTD_COLUMNS, "the data is not a Zstandard frame of the announced length",
     can_hold_zstd, decompress_zstd, true},
};

const Method& take_method(RecordReader& reader) {
    const size_t offset = reader.position();
    const uint64_t number = reader.take_unsigned("compression method", UINT32_MAX);
    for (const Method& method : kMethods) {
        if (method.number == number) {
            return method;
        }
    }
    report_invalid(offset,
                   psprintf("compression method %u is unknown", static_cast<uint32>(number)));
}

uint64_t take_size(RecordReader& reader) {
    const size_t offset = reader.position();
    const uint64_t size = reader.take_unsigned("bytes of the compressed message");
    if (size == 0 || size > kMessageBytesMax) {
        report_invalid(offset, psprintf("a message cannot have " UINT64_FORMAT " bytes",
                                        static_cast<uint64>(size)));
    }
    return size;
}

// The message is shorter than what it was arranged to.
Bytes restored(Bytes arranged, size_t offset) {
    auto* columns = static_cast<column_order::Column*>(
        palloc(column_order::kColumnsMax * sizeof(column_order::Column)));
    auto* message = static_cast<uint8_t*>(palloc(arranged.size()));
    const size_t size = column_order::restore(arranged.data(), arranged.size(), columns, message);
    pfree(columns);
    if (size == 0) {
        report_invalid(offset, "the data is not in column order");
    }
    return Bytes(message, size);
}

}  // namespace

Bytes uncompressed(Bytes message) {
    if (!is_compressed(message)) {
        return message;
    }
    RecordReader reader(message, PG_UTF8);
    reader.take_array_of(4, "compressed record");
    (void)reader.take_unsigned("record type");
    const Method& method = take_method(reader);
    const uint64_t size = take_size(reader);
    const size_t offset = reader.position();
    const Bytes data = reader.take_bin("compressed data");
    if (!reader.at_end()) {
        report_invalid(reader.position(), "a record follows a compressed one");
    }
    if (data.size() > kMessageBytesMax || !method.can_hold(data, size)) {
        report_invalid(offset, method.failure);
    }
    const Target target = {static_cast<uint8_t*>(palloc(size)), size};
    if (!method.decompress(data, target)) {
        report_invalid(offset, method.failure);
    }
    const Bytes inside(target.start, target.size);
    return method.is_in_column_order ? restored(inside, offset) : inside;
}

}  // namespace walpack::sql
