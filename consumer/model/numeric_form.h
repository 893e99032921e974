// What numeric_send of the server gives (numeric.c), taken apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "model/byte_reader.h"

namespace walpack {

struct NumericForm {
    // The server's signs; the last three are no numbers and have no digits.
    static constexpr std::uint16_t kPositive = 0x0000;
    static constexpr std::uint16_t kNegative = 0x4000;
    static constexpr std::uint16_t kNan = 0xC000;
    static constexpr std::uint16_t kInfinity = 0xD000;
    static constexpr std::uint16_t kNegativeInfinity = 0xF000;

    int weight = 0;  // the first digit counts 10000^weight
    std::uint16_t sign = kPositive;
    std::uint16_t scale = 0;  // how many decimal digits behind the point are shown
    std::string_view digits;  // to base 10000, two bytes each, big-endian; within the send form

    static constexpr std::size_t kDigitSize = sizeof(std::uint16_t);
};

// Throws Error(protocol) when it is cut, has bytes behind its end, or an unknown sign.
inline NumericForm parse_numeric(std::string_view send_form) {
    ByteReader reader(send_form);
    NumericForm form;
    const auto count = reader.number<std::uint16_t>();
    form.weight = reader.number<std::int16_t>();
    form.sign = reader.number<std::uint16_t>();
    form.scale = reader.number<std::uint16_t>();
    form.digits = reader.take(std::size_t{count} * NumericForm::kDigitSize);
    reader.expect_end();
    switch (form.sign) {
        case NumericForm::kPositive:
        case NumericForm::kNegative:
        case NumericForm::kNan:
        case NumericForm::kInfinity:
        case NumericForm::kNegativeInfinity:
            return form;
        default:
            throw Error(ErrorKind::protocol, "numeric has an unknown sign");
    }
}

}  // namespace walpack
