/*
 * A message -> a Compressed record that holds it, in column order where that can pay.
 *
 * All memory is taken when it is opened, so that compressing cannot fail for want of any: a message
 * may have to be written while an error is handled. What Zstandard allocates outside of memory
 * contexts is freed when the context that was current at open() is reset.
 */
#ifndef WALPACK_PLUGIN_COMPRESSOR_H
#define WALPACK_PLUGIN_COMPRESSOR_H

#include "server.h"

#include "protocol/column_order.h"

namespace walpack::plugin {

enum class CompressionMethod : uint8_t { kNone, kLz4, kZstd };

class Compressor {
  public:
    /* Memory comes from the current memory context. */
    void open(CompressionMethod method, size_t message_bytes_max);

    bool is_enabled() const { return method_ != CompressionMethod::kNone; }

    /* Empty when the record would not be shorter than the message. Valid until the next call. */
    std::span<const char> compress(const char* message, size_t count);

  private:
    std::span<const char> in_column_order(const char* message, size_t count);
    size_t compress_to(char* out, size_t room, std::span<const char> bytes);

    CompressionMethod method_;
    void* state_; /* of the library */
    char* block_; /* for the record */
    size_t capacity_;
    char* arranged_; /* for the message in column order */
    column_order::Column* columns_;
};

static_assert(std::is_trivially_destructible_v<Compressor>);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_COMPRESSOR_H
