// What a message starts with, told from its first bytes alone: before a Decoder is at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace walpack {

// The type of the first record; nullopt when the message does not start with a record's head and a
// number that is not negative.
std::optional<std::uint64_t> first_record_type(std::string_view message);

// Whether the first record is a Hello: a new session, so a new Decoder. To be asked of the message
// inside of a compressed one.
bool starts_session(std::string_view message);

}  // namespace walpack
