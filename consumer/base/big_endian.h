// Integers in network order, as the server's send and receive functions have them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace walpack {

template <typename Number>
std::make_unsigned_t<Number> in_network_order(Number number) {
    static_assert(std::endian::native == std::endian::little ||
                  std::endian::native == std::endian::big);
    auto bits = static_cast<std::make_unsigned_t<Number>>(number);
    if constexpr (std::endian::native == std::endian::big || sizeof bits == 1) return bits;
    if constexpr (sizeof bits == 2) return __builtin_bswap16(bits);
    if constexpr (sizeof bits == 4) return __builtin_bswap32(bits);
    if constexpr (sizeof bits == 8) return __builtin_bswap64(bits);
}

template <typename Number>
void store_big_endian(char* at, Number number) {
    const auto bits = in_network_order(number);
    std::memcpy(at, &bits, sizeof bits);
}

template <typename Number>
void append_big_endian(std::string& out, Number number) {
    char bytes[sizeof number];
    store_big_endian(bytes, number);
    out.append(bytes, sizeof bytes);
}

template <typename Number>
Number load_big_endian(const char* at) {
    std::make_unsigned_t<Number> bits;
    std::memcpy(&bits, at, sizeof bits);
    return static_cast<Number>(in_network_order(bits));
}

}  // namespace walpack
