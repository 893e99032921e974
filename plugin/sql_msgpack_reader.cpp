#include "sql_msgpack_reader.h"

#include <bit>

namespace walpack::sql {

namespace {

void set_signed(int64_t value, Item* item) {
    if (value >= 0) {
        item->type = ItemType::kUnsigned;
        item->unsigned_value = static_cast<uint64_t>(value);
    } else {
        item->type = ItemType::kNegative;
        item->negative_value = value;
    }
}

// Sign-extends the low `width` bytes.
int64_t sign_extended(uint64_t value, size_t width) {
    const unsigned shift = 64 - 8 * static_cast<unsigned>(width);
    return static_cast<int64_t>(value << shift) >> shift;
}

}  // namespace

bool MsgpackReader::fail(const char* failure, size_t offset) {
    if (failure_ == nullptr) {
        failure_ = failure;
        failure_offset_ = offset;
    }
    return false;
}

bool MsgpackReader::next(Item* item) {
    *item = Item{};
    item->offset = position_;
    if (failure_ != nullptr) {
        return false;
    }
    if (at_end()) {
        return fail("the message ends where a value should be", position_);
    }
    const uint8_t head = input_[position_++];
    if (head < 0xc0 || head >= 0xe0) {
        return read_fixed(head, item);
    }
    if (head >= 0xca && head <= 0xd3) {
        return read_number(head, item);
    }
    return read_sized(head, item);
}

// The heads that carry their value or size in themselves.
bool MsgpackReader::read_fixed(uint8_t head, Item* item) {
    if (head < 0x80) {
        set_signed(head, item);
        return true;
    }
    if (head >= 0xe0) {
        set_signed(static_cast<int8_t>(head), item);
        return true;
    }
    if (head >= 0xa0) {
        item->type = ItemType::kStr;
        return take_bytes(head & 0x1fU, item);
    }
    const bool is_array = head >= 0x90;
    item->type = is_array ? ItemType::kArray : ItemType::kMap;
    return take_count(head & 0x0fU, is_array ? 1 : 2, item);
}

// 0xca and 0xcb: floats; 0xcc to 0xcf: unsigned, 0xd0 to 0xd3: signed, each of 1, 2, 4 and 8 bytes.
bool MsgpackReader::read_number(uint8_t head, Item* item) {
    uint64_t value = 0;
    const bool is_float = head <= 0xcb;
    const size_t width = is_float ? size_t{4} << (head - 0xca) : size_t{1} << (head & 3U);
    if (!read_big_endian(width, &value)) {
        return false;
    }
    if (head == 0xca) {
        item->type = ItemType::kFloat32;
        item->float_value = std::bit_cast<float>(static_cast<uint32_t>(value));
    } else if (head == 0xcb) {
        item->type = ItemType::kFloat64;
        item->float_value = std::bit_cast<double>(value);
    } else if (head <= 0xcf) {
        item->type = ItemType::kUnsigned;
        item->unsigned_value = value;
    } else {
        set_signed(sign_extended(value, width), item);
    }
    return true;
}

// nil, booleans, and everything with a length or count field, or a fixed extension.
bool MsgpackReader::read_sized(uint8_t head, Item* item) {
    uint64_t size = 0;
    switch (head) {
        case 0xc0:
            return true;
        case 0xc2:
        case 0xc3:
            item->type = ItemType::kBool;
            item->bool_value = head == 0xc3;
            return true;
        case 0xc4:
        case 0xc5:
        case 0xc6:
            item->type = ItemType::kBin;
            return read_big_endian(size_t{1} << (head - 0xc4), &size) && take_bytes(size, item);
        case 0xc7:
        case 0xc8:
        case 0xc9:
            item->type = ItemType::kExtension;
            return read_big_endian(size_t{1} << (head - 0xc7), &size) && take_bytes(size, item);
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            item->type = ItemType::kExtension;
            return take_bytes(uint64_t{1} << (head - 0xd4), item);
        case 0xd9:
        case 0xda:
        case 0xdb:
            item->type = ItemType::kStr;
            return read_big_endian(size_t{1} << (head - 0xd9), &size) && take_bytes(size, item);
        case 0xdc:
        case 0xdd:
            item->type = ItemType::kArray;
            return read_big_endian(size_t{2} << (head - 0xdc), &size) && take_count(size, 1, item);
        case 0xde:
        case 0xdf:
            item->type = ItemType::kMap;
            return read_big_endian(size_t{2} << (head - 0xde), &size) && take_count(size, 2, item);
        default:
            return fail("0xC1 is not a MessagePack head", item->offset);
    }
}

bool MsgpackReader::read_big_endian(size_t width, uint64_t* value) {
    if (width > input_.size() - position_) {
        return fail("the message ends inside a number or a length", position_);
    }
    *value = 0;
    for (size_t i = 0; i < width; i++) {
        *value = *value << 8 | input_[position_++];
    }
    return true;
}

// The payload of a str, bin or extension; of the latter a type byte stands before it.
bool MsgpackReader::take_bytes(uint64_t length, Item* item) {
    uint64_t type = 0;
    if (item->type == ItemType::kExtension) {
        if (!read_big_endian(1, &type)) {
            return false;
        }
        item->extension_type = static_cast<int8_t>(type);
    }
    if (length > input_.size() - position_) {
        return fail("a length is larger than the rest of the message", item->offset);
    }
    item->bytes = input_.subspan(position_, static_cast<size_t>(length));
    position_ += static_cast<size_t>(length);
    return true;
}

bool MsgpackReader::take_count(uint64_t count, uint64_t bytes_each, Item* item) {
    if (count * bytes_each > input_.size() - position_) {
        return fail("a count is larger than the rest of the message", item->offset);
    }
    item->count = static_cast<uint32_t>(count);
    return true;
}

}  // namespace walpack::sql
