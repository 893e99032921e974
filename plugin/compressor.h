/*
 * A message -> a Compressed record that holds it.
 *
 * All memory is taken when it is opened, so that compressing cannot fail for want of any: a message
 * may have to be written while an error is handled. What Zstandard allocates outside of memory
 * contexts is freed when the context that was current at open() is reset.
 */
#ifndef WALPACK_PLUGIN_COMPRESSOR_H
#define WALPACK_PLUGIN_COMPRESSOR_H

#include "server.h"

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
    size_t compress_to(char* out, size_t room, const char* message, size_t count);

    CompressionMethod method_;
    void* state_; /* of the library */
    char* block_;
    size_t capacity_;
};

static_assert(std::is_trivially_destructible_v<Compressor>);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_COMPRESSOR_H
