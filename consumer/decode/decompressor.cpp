#include "decode/decompressor.h"

#include <cstdint>
#include <new>

#include <fmt/format.h>
#include <lz4.h>
#include <zstd.h>

#include "base/check.h"
#include "base/error.h"
#include "decode/first_record.h"
#include "decode/record_cursor.h"
#include "decode/record_fields.h"
#include "decode/record_visitor.h"
#include "decode/row_run.h"
#include "protocol/column_order.h"
#include "protocol/format.h"

namespace walpack {
namespace {

constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;
// Bytes that one compressed byte can stand for: lz4's longest run of length bytes; of zstd a block
// of 128 kB that repeats one byte, which takes four.
constexpr std::uint64_t kLz4RatioMax = 255;
constexpr std::uint64_t kZstdRatioMax = (std::uint64_t{128} << 10) / 4;

// The record was recognised by its type, and is never made of rows.
struct OpenGate : RecordGate {
    void on_type(const Field&) override {}
    void on_first_field(std::uint64_t, const Field&, std::uint64_t) override {}
};

struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

bool is_lz4(const Compressed& record) {
    return record.method == WALPACK_COMPRESSION_LZ4 ||
           record.method == WALPACK_COMPRESSION_LZ4_COLUMNS;
}

bool is_in_column_order(const Compressed& record) {
    return record.method == WALPACK_COMPRESSION_LZ4_COLUMNS ||
           record.method == WALPACK_COMPRESSION_ZSTD_COLUMNS;
}

[[noreturn]] void throw_damaged(const std::string& what) {
    throw Error(ErrorKind::protocol, fmt::format("compressed message {}", what));
}

}  // namespace

struct Decompressor::State {
    explicit State(std::size_t bytes_max) : message_bytes_max(bytes_max) {}

    Compressed read(std::string_view message);
    void check_size(const Compressed& record) const;
    void check_zstd_frame(const Compressed& record) const;
    void reserve(std::size_t bytes);
    std::string_view undo_lz4(const Compressed& record);
    std::string_view undo_zstd(const Compressed& record);
    std::string_view undo_column_order(std::string_view arranged);

    std::size_t message_bytes_max;
    OpenGate gate;
    RecordCursor cursor;
    RowRun rows{cursor};
    RecordVisitor visitor{gate, cursor, rows};
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::unique_ptr<char[]> restored;
    std::unique_ptr<column_order::Column[]> columns;
    std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
};

Compressed Decompressor::State::read(std::string_view message) {
    cursor.open(message, 0, false);
    visitor.open();
    std::size_t end = 0;
    // What is no MessagePack has thrown from the visitor.
    WALPACK_CHECK(msgpack::parse(message.data(), message.size(), end, visitor));
    if (end != message.size()) cursor.fail_at_byte("compressed message is not alone", end);
    FieldReader fields(visitor.fields(), visitor.elements(), cursor);
    return read_compressed(fields);
}

void Decompressor::State::check_size(const Compressed& record) const {
    const std::uint64_t size = record.message_bytes;
    const std::uint64_t ratio_max = is_lz4(record) ? kLz4RatioMax : kZstdRatioMax;
    if (size == 0) throw_damaged("has nothing inside");
    if (size > message_bytes_max)
        throw_damaged(fmt::format("is larger than {} bytes", message_bytes_max));
    if (size / ratio_max > record.compressed.size())
        throw_damaged(
            fmt::format("cannot have {} bytes inside of {}", size, record.compressed.size()));
}

void Decompressor::State::reserve(std::size_t size) {
    if (capacity > kKeptBytesMax && size <= kKeptBytesMax) capacity = 0;
    if (capacity >= size) return;
    bytes.reset();
    bytes = std::make_unique_for_overwrite<char[]>(size);
    capacity = size;
}

std::string_view Decompressor::State::undo_lz4(const Compressed& record) {
    const auto size = static_cast<std::size_t>(record.message_bytes);
    reserve(size);
    // Both fit: the bound of a message is far below int's maximum, and what is compressed was part
    // of one.
    if (record.compressed.size() > LZ4_MAX_INPUT_SIZE) throw_damaged("is too large");
    const int made =
        LZ4_decompress_safe(record.compressed.data(), bytes.get(),
                            static_cast<int>(record.compressed.size()), static_cast<int>(size));
    if (made < 0) throw_damaged("is no LZ4 block of its size");
    if (static_cast<std::size_t>(made) != size)
        throw_damaged(fmt::format("has {} bytes inside instead of {}", made, size));
    return {bytes.get(), size};
}

// One frame, of the size claimed.
void Decompressor::State::check_zstd_frame(const Compressed& record) const {
    const std::string_view data = record.compressed;
    const std::size_t frame = ZSTD_findFrameCompressedSize(data.data(), data.size());
    if (ZSTD_isError(frame) != 0 || frame != data.size())
        throw_damaged("is not one Zstandard frame");
    const auto inside = ZSTD_getFrameContentSize(data.data(), data.size());
    if (inside == ZSTD_CONTENTSIZE_UNKNOWN) return;
    if (inside != record.message_bytes)
        throw_damaged(
            fmt::format("has {} bytes inside instead of {}", inside, record.message_bytes));
}

std::string_view Decompressor::State::undo_zstd(const Compressed& record) {
    check_zstd_frame(record);
    const auto size = static_cast<std::size_t>(record.message_bytes);
    reserve(size);
    if (!zstd) zstd.reset(ZSTD_createDCtx());
    if (!zstd) throw std::bad_alloc();
    const std::size_t made = ZSTD_decompressDCtx(
        zstd.get(), bytes.get(), size, record.compressed.data(), record.compressed.size());
    if (ZSTD_isError(made) != 0)
        throw_damaged(fmt::format("is damaged: {}", ZSTD_getErrorName(made)));
    if (made != size) throw_damaged(fmt::format("has {} bytes inside instead of {}", made, size));
    return {bytes.get(), size};
}

// The message is shorter than what it was arranged to.
std::string_view Decompressor::State::undo_column_order(std::string_view arranged) {
    if (!columns)
        columns = std::make_unique_for_overwrite<column_order::Column[]>(column_order::kColumnsMax);
    restored = std::make_unique_for_overwrite<char[]>(arranged.size());
    const std::size_t size = column_order::restore(
        reinterpret_cast<const std::uint8_t*>(arranged.data()), arranged.size(), columns.get(),
        reinterpret_cast<std::uint8_t*>(restored.get()));
    if (size == 0) throw_damaged("is not in column order");
    return {restored.get(), size};
}

Decompressor::Decompressor(std::size_t message_bytes_max)
    : state_(std::make_unique<State>(message_bytes_max)) {}

Decompressor::~Decompressor() = default;

std::string_view Decompressor::open(std::string_view message) {
    if (first_record_type(message) != WALPACK_COMPRESSED) return message;
    const Compressed record = state_->read(message);
    state_->check_size(record);
    const std::string_view inside =
        is_lz4(record) ? state_->undo_lz4(record) : state_->undo_zstd(record);
    return is_in_column_order(record) ? state_->undo_column_order(inside) : inside;
}

}  // namespace walpack
