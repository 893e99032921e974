/*
 * Reads MessagePack items from bytes that are not trusted.
 *
 * Knows nothing of the server, allocates nothing and never recurses: an array, map or extension is
 * one item that announces its size, and the caller walks on. Every length is compared with the
 * bytes that are left before it is believed, so whatever the input, work and memory are bounded by
 * its size.
 *
 *     caller: next() next() next() ... until at_end(), or a failure, which is final
 */
#ifndef WALPACK_PLUGIN_SQL_MSGPACK_READER_H
#define WALPACK_PLUGIN_SQL_MSGPACK_READER_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace walpack::sql {

using Bytes = std::span<const uint8_t>;

enum class ItemType : uint8_t {
    kNil,
    kBool,
    kUnsigned,  // every integer from 0 up, also when it was packed as a signed one
    kNegative,
    kFloat32,
    kFloat64,
    kStr,
    kBin,
    kArray,
    kMap,
    kExtension
};

struct Item {
    ItemType type = ItemType::kNil;
    int8_t extension_type = 0;
    bool bool_value = false;
    uint32_t count = 0;  // elements of an array, pairs of a map; at most the bytes that follow
    size_t offset = 0;   // of the item's first byte
    uint64_t unsigned_value = 0;
    int64_t negative_value = 0;
    double float_value = 0;  // a float 32 is widened, which is exact
    Bytes bytes;             // of a str, bin or extension; points into the input
};

class MsgpackReader {
  public:
    explicit MsgpackReader(Bytes input) : input_(input) {}

    // Reads one item. Returns false on the first byte that cannot be right, and from then on;
    // failure() and failure_offset() tell why and where.
    [[nodiscard]] bool next(Item* item);

    [[nodiscard]] bool at_end() const { return position_ == input_.size(); }
    [[nodiscard]] size_t position() const { return position_; }
    [[nodiscard]] const char* failure() const { return failure_; }
    [[nodiscard]] size_t failure_offset() const { return failure_offset_; }

  private:
    bool fail(const char* failure, size_t offset);
    bool read_fixed(uint8_t head, Item* item);
    bool read_number(uint8_t head, Item* item);
    bool read_sized(uint8_t head, Item* item);
    bool read_big_endian(size_t width, uint64_t* value);
    bool take_bytes(uint64_t length, Item* item);
    bool take_count(uint64_t count, uint64_t bytes_each, Item* item);

    Bytes input_;
    size_t position_ = 0;
    size_t failure_offset_ = 0;
    const char* failure_ = nullptr;  // a literal
};

static_assert(std::is_trivially_destructible_v<Item>);
static_assert(std::is_trivially_destructible_v<MsgpackReader>);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_MSGPACK_READER_H
