#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "base/check.h"
#include "model/number_text.h"

namespace walpack {
namespace {

// digits * 10^exponent
struct Decimal {
    std::uint64_t digits = 0;
    int exponent = 0;
};

// odd * 2^exponent
struct Binary {
    std::uint64_t odd = 0;
    int exponent = 0;
};

// Multiplies by 5^power; 0 when the product has more than 60 bits, which no candidate has.
std::uint64_t times_power_of_five(std::uint64_t number, int power) {
    for (; power > 0; --power) {
        if (number >> 57 != 0) return 0;
        number *= 5;
    }
    return number;
}

bool are_equal(Decimal decimal, Binary binary) {
    const int zeros = std::countr_zero(decimal.digits);
    if (zeros + decimal.exponent != binary.exponent) return false;
    const std::uint64_t digits = decimal.digits >> zeros;
    if (decimal.exponent >= 0) return times_power_of_five(digits, decimal.exponent) == binary.odd;
    return times_power_of_five(binary.odd, -decimal.exponent) == digits;
}

// Whether the decimal lies exactly between a positive number and one of its neighbours. The server
// avoids such texts: reading them back would depend on how ties are rounded.
template <typename Float>
bool is_midpoint(Float value, Decimal decimal) {
    using Bits = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;
    constexpr int kMantissaBits = std::numeric_limits<Float>::digits - 1;
    constexpr int kBias = std::numeric_limits<Float>::max_exponent - 1 + kMantissaBits;

    const auto bits = std::bit_cast<Bits>(value);
    const std::uint64_t fraction = bits & ((Bits{1} << kMantissaBits) - 1);
    const int stored_exponent = static_cast<int>(bits >> kMantissaBits);
    const bool is_subnormal = stored_exponent == 0;
    const std::uint64_t mantissa =
        is_subnormal ? fraction : fraction | (std::uint64_t{1} << kMantissaBits);
    const int exponent = (is_subnormal ? 1 : stored_exponent) - kBias;

    // Below a power of two the neighbour is half as far away.
    const bool is_power_of_two = fraction == 0 && stored_exponent > 1;
    const Binary above{2 * mantissa + 1, exponent - 1};
    const Binary below = is_power_of_two ? Binary{4 * mantissa - 1, exponent - 2}
                                         : Binary{2 * mantissa - 1, exponent - 1};
    return are_equal(decimal, above) || are_equal(decimal, below);
}

// Reads "d.dddde-ddd".
Decimal parse_scientific(std::string_view text) {
    Decimal decimal;
    std::size_t at = 0;
    int fraction_digits = 0;
    for (; text[at] != 'e'; ++at) {
        if (text[at] == '.') continue;
        decimal.digits = decimal.digits * 10 + static_cast<std::uint64_t>(text[at] - '0');
        if (at > 0) ++fraction_digits;
    }
    decimal.exponent = std::atoi(text.data() + at + 1) - fraction_digits;
    return decimal;
}

template <typename Float>
Decimal shortest_decimal(Float value) {
    constexpr int kDigitsMax = std::numeric_limits<Float>::max_digits10;
    char text[64] = {};
    auto written =
        std::to_chars(text, text + sizeof text - 1, value, std::chars_format::scientific);
    WALPACK_CHECK(written.ec == std::errc());
    Decimal decimal = parse_scientific(text);

    int digits = static_cast<int>(std::to_string(decimal.digits).size());
    for (; digits < kDigitsMax && is_midpoint(value, decimal); ++digits) {
        written = std::to_chars(text, text + sizeof text - 1, value, std::chars_format::scientific,
                                digits);
        *written.ptr = '\0';
        decimal = parse_scientific(text);
    }
    return decimal;
}

// Thresholds as printf's %g has them at `digits_exact` digits, and so the server.
template <typename Float>
std::string float_text(Float value, int digits_exact) {
    if (std::isnan(value)) return "NaN";
    const std::string sign = std::signbit(value) ? "-" : "";
    if (std::isinf(value)) return sign + "Infinity";
    if (value == 0) return sign + "0";

    const Decimal decimal = shortest_decimal(std::fabs(value));
    const std::string digits = std::to_string(decimal.digits);
    const int count = static_cast<int>(digits.size());
    const int exponent = decimal.exponent + count - 1;
    if (exponent < -4 || exponent >= digits_exact) {
        const std::string fraction = count > 1 ? '.' + digits.substr(1) : "";
        return fmt::format("{}{}{}e{}{:02}", sign, digits[0], fraction, exponent < 0 ? '-' : '+',
                           std::abs(exponent));
    }
    if (exponent < 0)
        return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    if (count <= exponent + 1)
        return sign + digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0');
    const auto whole = static_cast<std::size_t>(exponent + 1);
    return sign + digits.substr(0, whole) + '.' + digits.substr(whole);
}

}  // namespace

std::string float4_text(float value) {
    return float_text(value, std::numeric_limits<float>::digits10);
}

std::string float8_text(double value) {
    return float_text(value, std::numeric_limits<double>::digits10);
}

}  // namespace walpack
