// A position in the source's write-ahead log.
//
// Only end LSNs of commits (first byte after the commit record) and keepalive positions behind
// which nothing is pending are ever stored on a target or confirmed to a slot.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace walpack {

struct Lsn {
    std::uint64_t value = 0;

    // 0 is the server's InvalidXLogRecPtr: "no position".
    bool is_valid() const { return value != 0; }
    // The server's notation, such as 16/B374D848.
    std::string to_string() const;
    // nullopt when the text is not of that form.
    static std::optional<Lsn> parse(std::string_view text);

    friend auto operator<=>(const Lsn&, const Lsn&) = default;
};

}  // namespace walpack
