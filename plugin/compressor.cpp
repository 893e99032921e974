#include "compressor.h"

#include <lz4.h>
#include <zstd.h>

#include "pack_buffer.h"
#include "protocol/format.h"

namespace walpack::plugin {
namespace {

/* Below this the head of the record eats up what could be gained. */
constexpr size_t kMessageBytesMin = 64;
constexpr size_t kRecordHeadBytes = 16;
/* A few rows have too little in common. */
constexpr size_t kArrangedBytesMin = 1024;
/* Measured (bench/README.md): higher levels cost more than they save. */
constexpr int kZstdLevel = 1;
constexpr int kLz4Acceleration = 1;

void free_zstd(void* state) {
    ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(state));
}

void* make_zstd() {
    ZSTD_CCtx* state = ZSTD_createCCtx();
    if (state == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    auto* on_reset = static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    on_reset->func = free_zstd;
    on_reset->arg = state;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, on_reset);
    return state;
}

size_t pack_record_head(char* at, uint32_t method, size_t bytes, size_t data_bytes) {
    PackBuffer head;
    head.open(nullptr, nullptr, true);
    head.give_block(at, kRecordHeadBytes, 0);
    head.array(4);
    head.unsigned_integer(WALPACK_COMPRESSED);
    head.unsigned_integer(method);
    head.unsigned_integer(bytes);
    msgpack_c::msgpack_pack_bin(head, data_bytes);
    return head.size();
}

}  // namespace

void Compressor::open(CompressionMethod method, size_t message_bytes_max) {
    *this = Compressor();
    method_ = method;
    if (!is_enabled()) return;
    /* Never more than the message itself has: what does not fit is sent as it is. */
    capacity_ = kRecordHeadBytes + message_bytes_max;
    block_ = static_cast<char*>(palloc(capacity_));
    state_ = method == CompressionMethod::kZstd ? make_zstd() : palloc(LZ4_sizeofState());
    arranged_ = static_cast<char*>(
        palloc(message_bytes_max + column_order::arranged_overhead(column_order::kColumnsMax)));
    columns_ = static_cast<column_order::Column*>(
        palloc0(column_order::kColumnsMax * sizeof(column_order::Column)));
}

/* Empty when there are no rows, or too few of them. */
std::span<const char> Compressor::in_column_order(const char* message, size_t count) {
    if (count < kArrangedBytesMin) return {};
    const size_t bytes = column_order::arrange(reinterpret_cast<const uint8_t*>(message), count,
                                               columns_, reinterpret_cast<uint8_t*>(arranged_));
    return {arranged_, bytes};
}

/* Zero when it does not fit. */
size_t Compressor::compress_to(char* out, size_t room, std::span<const char> bytes) {
    if (method_ == CompressionMethod::kLz4) {
        const int written =
            LZ4_compress_fast_extState(state_, bytes.data(), out, static_cast<int>(bytes.size()),
                                       static_cast<int>(room), kLz4Acceleration);
        return written > 0 ? static_cast<size_t>(written) : 0;
    }
    const size_t written = ZSTD_compressCCtx(static_cast<ZSTD_CCtx*>(state_), out, room,
                                             bytes.data(), bytes.size(), kZstdLevel);
    return ZSTD_isError(written) != 0 ? 0 : written;
}

std::span<const char> Compressor::compress(const char* message, size_t count) {
    if (count < kMessageBytesMin) return {};
    Assert(count + kRecordHeadBytes <= capacity_);
    const std::span<const char> arranged = in_column_order(message, count);
    const bool is_arranged = !arranged.empty();
    const std::span<const char> bytes =
        is_arranged ? arranged : std::span<const char>(message, count);
    char* data = block_ + kRecordHeadBytes;
    const size_t data_bytes = compress_to(data, count - kRecordHeadBytes, bytes);
    if (data_bytes == 0) return {};

    constexpr uint32_t kPlain[] = {WALPACK_COMPRESSION_LZ4, WALPACK_COMPRESSION_ZSTD};
    constexpr uint32_t kArranged[] = {WALPACK_COMPRESSION_LZ4_COLUMNS,
                                      WALPACK_COMPRESSION_ZSTD_COLUMNS};
    const bool is_zstd = method_ == CompressionMethod::kZstd;
    char head[kRecordHeadBytes];
    const size_t head_bytes = pack_record_head(head, (is_arranged ? kArranged : kPlain)[is_zstd],
                                               bytes.size(), data_bytes);
    memcpy(data - head_bytes, head, head_bytes);
    return {data - head_bytes, head_bytes + data_bytes};
}

}  // namespace walpack::plugin
