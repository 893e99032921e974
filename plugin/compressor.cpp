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

size_t pack_record_head(char* at, uint32_t method, size_t message_bytes, size_t data_bytes) {
    PackBuffer head;
    head.open(nullptr, nullptr, true);
    head.give_block(at, kRecordHeadBytes, 0);
    head.array(4);
    head.unsigned_integer(WALPACK_COMPRESSED);
    head.unsigned_integer(method);
    head.unsigned_integer(message_bytes);
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
}

/* Zero when it does not fit. */
size_t Compressor::compress_to(char* out, size_t room, const char* message, size_t count) {
    if (method_ == CompressionMethod::kLz4) {
        const int bytes = LZ4_compress_fast_extState(state_, message, out, static_cast<int>(count),
                                                     static_cast<int>(room), kLz4Acceleration);
        return bytes > 0 ? static_cast<size_t>(bytes) : 0;
    }
    const size_t bytes =
        ZSTD_compressCCtx(static_cast<ZSTD_CCtx*>(state_), out, room, message, count, kZstdLevel);
    return ZSTD_isError(bytes) != 0 ? 0 : bytes;
}

std::span<const char> Compressor::compress(const char* message, size_t count) {
    if (count < kMessageBytesMin) return {};
    Assert(count + kRecordHeadBytes <= capacity_);
    char* data = block_ + kRecordHeadBytes;
    const size_t room = count - kRecordHeadBytes;
    const size_t data_bytes = compress_to(data, room, message, count);
    if (data_bytes == 0) return {};

    char head[kRecordHeadBytes];
    const uint32_t method =
        method_ == CompressionMethod::kZstd ? WALPACK_COMPRESSION_ZSTD : WALPACK_COMPRESSION_LZ4;
    const size_t head_bytes = pack_record_head(head, method, count, data_bytes);
    memcpy(data - head_bytes, head, head_bytes);
    return {data - head_bytes, head_bytes + data_bytes};
}

}  // namespace walpack::plugin
