/*
 * A fixed block of memory that MessagePack values are appended to.
 *
 * msgpack-c's packing template is instantiated here for PackBuffer, so that each head is a constant
 * number of bytes copied in line: no callback, no allocation. The block never grows. When it is
 * full, append() asks the owner to spill, which must free at least one byte (by sending bytes, or
 * by giving a larger block), and goes on. A value may therefore be torn over two blocks at any
 * byte; the owner knows from its own notes where a record began.
 *
 * Text is a str in a UTF8 database, and a bin in any other; the buffer knows which.
 */
#ifndef WALPACK_PLUGIN_PACK_BUFFER_H
#define WALPACK_PLUGIN_PACK_BUFFER_H

#include "server.h"

namespace walpack::plugin {

class PackBuffer {
  public:
    /* Makes room in a full buffer through give_block() or keep(). */
    using Spill = void (*)(PackBuffer& full, void* owner);

    void open(Spill spill, void* owner, bool text_is_utf8) {
        spill_ = spill;
        owner_ = owner;
        text_is_utf8_ = text_is_utf8;
    }

    /* The block must outlive the buffer; the first `used` bytes count as appended. */
    void give_block(char* block, size_t capacity, size_t used) {
        block_ = block;
        capacity_ = capacity;
        size_ = used;
    }

    char* block() { return block_; }
    size_t size() const { return size_; }
    size_t room() const { return capacity_ - size_; }
    void keep(size_t bytes) { size_ = bytes; }

    void append(const void* bytes, size_t count) {
        if (count <= room()) [[likely]] {
            memcpy(block_ + size_, bytes, count);
            size_ += count;
        } else {
            append_spilling(static_cast<const char*>(bytes), count);
        }
    }

    void nil();
    void boolean(bool value);
    void integer(int64_t value);
    void unsigned_integer(uint64_t value);
    void float32(float value);
    void float64(double value);
    void array(size_t elements);
    void map(size_t pairs);
    void str(const char* bytes, size_t count);
    void str(const char* terminated) { str(terminated, strlen(terminated)); }
    void bin(const void* bytes, size_t count);
    void text(const char* bytes, size_t count);
    void text(const char* terminated) { text(terminated, strlen(terminated)); }

  private:
    void append_spilling(const char* bytes, size_t count) {
        while (count > 0) {
            if (room() == 0) spill_(*this, owner_);
            const size_t piece = count < room() ? count : room();
            memcpy(block_ + size_, bytes, piece);
            size_ += piece;
            bytes += piece;
            count -= piece;
        }
    }

    char* block_;
    size_t capacity_;
    size_t size_;
    Spill spill_;
    void* owner_;
    bool text_is_utf8_;
};

/* A Spill for a palloc'd block that may grow. */
inline void grow_block(PackBuffer& full, void*) {
    const size_t capacity = 2 * full.size();
    full.give_block(static_cast<char*>(repalloc(full.block(), capacity)), capacity, full.size());
}

static_assert(std::is_trivially_destructible_v<PackBuffer>);

}  // namespace walpack::plugin

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>

namespace walpack::plugin::msgpack_c {

#define msgpack_pack_user PackBuffer&
#define msgpack_pack_append_buffer(user, bytes, count) \
    do {                                               \
        (user).append(bytes, count);                   \
        return 0;                                      \
    } while (0)
#define msgpack_pack_inline_func(name) inline int msgpack_pack##name
#include <msgpack/pack_template.h>

}  // namespace walpack::plugin::msgpack_c

namespace walpack::plugin {

inline void PackBuffer::nil() {
    msgpack_c::msgpack_pack_nil(*this);
}
inline void PackBuffer::boolean(bool value) {
    value ? msgpack_c::msgpack_pack_true(*this) : msgpack_c::msgpack_pack_false(*this);
}
inline void PackBuffer::integer(int64_t value) {
    msgpack_c::msgpack_pack_int64(*this, value);
}
inline void PackBuffer::unsigned_integer(uint64_t value) {
    msgpack_c::msgpack_pack_uint64(*this, value);
}
inline void PackBuffer::float32(float value) {
    msgpack_c::msgpack_pack_float(*this, value);
}
inline void PackBuffer::float64(double value) {
    msgpack_c::msgpack_pack_double(*this, value);
}
inline void PackBuffer::array(size_t elements) {
    msgpack_c::msgpack_pack_array(*this, elements);
}
inline void PackBuffer::map(size_t pairs) {
    msgpack_c::msgpack_pack_map(*this, pairs);
}
inline void PackBuffer::str(const char* bytes, size_t count) {
    msgpack_c::msgpack_pack_str(*this, count);
    append(bytes, count);
}
inline void PackBuffer::bin(const void* bytes, size_t count) {
    msgpack_c::msgpack_pack_bin(*this, count);
    append(bytes, count);
}
inline void PackBuffer::text(const char* bytes, size_t count) {
    if (text_is_utf8_)
        str(bytes, count);
    else
        bin(bytes, count);
}

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_PACK_BUFFER_H
