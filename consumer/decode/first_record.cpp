#include "decode/first_record.h"

#include <cstddef>

#include "decode/value_head.h"
#include "protocol/format.h"

namespace walpack {
namespace {

constexpr unsigned kPositiveMax = 0x7f;
constexpr unsigned kUint8 = 0xcc;
constexpr unsigned kUint64 = 0xcf;
constexpr unsigned kInt8 = 0xd0;
constexpr unsigned kInt64 = 0xd3;
constexpr unsigned kSignBit = 0x80;

unsigned byte_of(char c) {
    return static_cast<unsigned char>(c);
}

// In any width.
std::optional<std::uint64_t> number_at(std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    const unsigned first = byte_of(bytes.front());
    if (first <= kPositiveMax) return first;
    const bool is_unsigned = first >= kUint8 && first <= kUint64;
    const bool is_signed = first >= kInt8 && first <= kInt64;
    if (!is_unsigned && !is_signed) return std::nullopt;
    const auto width = static_cast<std::size_t>(read_head(bytes).payload_bytes);
    if (bytes.size() < 1 + width) return std::nullopt;
    if (is_signed && (byte_of(bytes[1]) & kSignBit) != 0) return std::nullopt;
    std::uint64_t number = 0;
    for (const char byte : bytes.substr(1, width)) number = number << 8 | byte_of(byte);
    return number;
}

}  // namespace

std::optional<std::uint64_t> first_record_type(std::string_view message) {
    if (message.empty() || !is_array_head(message.front())) return std::nullopt;
    const std::size_t head_bytes = head_bytes_of(message.front());
    if (message.size() <= head_bytes) return std::nullopt;
    return number_at(message.substr(head_bytes));
}

bool starts_session(std::string_view message) {
    return first_record_type(message) == WALPACK_HELLO;
}

}  // namespace walpack
