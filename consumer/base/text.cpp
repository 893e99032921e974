#include "base/text.h"

#include <charconv>

#include <fmt/format.h>

namespace walpack {
namespace {

std::string doubled(std::string_view text, char quote) {
    std::string out;
    out.reserve(text.size() + 2);
    for (const char c : text) {
        if (c == quote) out += quote;
        out += c;
    }
    return out;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
    return '"' + doubled(name, '"') + '"';
}

std::string quote_literal(std::string_view text) {
    std::string body = doubled(text, '\'');
    if (body.find('\\') == std::string::npos) return '\'' + body + '\'';
    return " E'" + doubled(body, '\\') + '\'';
}

std::string quote_json(std::string_view text) {
    constexpr unsigned char kFirstPlain = 0x20;
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < kFirstPlain) {
            out += fmt::format("\\u{:04x}", byte);
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string to_hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += kDigits[byte >> 4];
        out += kDigits[byte & 0xF];
    }
    return out;
}

std::string from_hex(std::string_view hex) {
    std::string out;
    out.reserve(hex.size() / 2);
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        unsigned byte = 0;
        std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
        out += static_cast<char>(byte);
    }
    return out;
}

std::size_t count_characters(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) {
        const auto first = static_cast<unsigned char>(text[at++]);
        const int more = first < 0x80 ? 0 : (first >> 5) == 6 ? 1 : (first >> 4) == 14 ? 2 : 3;
        if (more == 3 && (first >> 3) != 30) return text.size();
        for (int i = 0; i < more; ++i) {
            const bool is_next =
                at < text.size() && (static_cast<unsigned char>(text[at]) >> 6) == 2;
            if (!is_next) return text.size();
            ++at;
        }
    }
    return count;
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (amount >= 1024 && unit + 1 < std::size(kUnits)) {
        amount /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} bytes", bytes)
                     : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace walpack
