#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "model/byte_reader.h"
#include "model/number_text.h"
#include "model/numeric_form.h"

namespace walpack {
namespace {

constexpr int kGroupDigits = 4;
constexpr int kGroupMax = 9999;
constexpr int kDisplayScaleMax = 0x3FFF;

[[noreturn]] void throw_invalid(const char* what) {
    throw Error(ErrorKind::protocol, fmt::format("numeric has {}", what));
}

// The number's decimal digits: groups of four, the first of them 10000^weight.
class Digits {
  public:
    Digits(std::string_view groups, int weight) : groups_(groups), weight_(weight) {}

    // The group that counts 10000^power; 0 where none is stored.
    int group(int power) const {
        const int index = weight_ - power;
        if (index < 0 || index >= count()) return 0;
        ByteReader reader(groups_.substr(static_cast<std::size_t>(index) * 2));
        const int value = reader.number<std::int16_t>();
        if (value < 0 || value > kGroupMax) throw_invalid("a digit out of range");
        return value;
    }
    int lowest_power() const { return weight_ - count() + 1; }

  private:
    int count() const { return static_cast<int>(groups_.size() / 2); }

    std::string_view groups_;
    int weight_;
};

void append_whole(std::string& out, const Digits& digits, int weight) {
    const std::size_t start = out.size();
    for (int power = weight; power >= 0; --power)
        fmt::format_to(std::back_inserter(out), "{:04}", digits.group(power));
    const std::size_t first = out.find_first_not_of('0', start);
    if (first == std::string::npos) {
        out.resize(start);
        out += '0';
    } else {
        out.erase(start, first - start);
    }
}

void append_fraction(std::string& out, const Digits& digits, int scale) {
    const int groups = (scale + kGroupDigits - 1) / kGroupDigits;
    std::string fraction;
    for (int power = -1; power >= -groups; --power)
        fmt::format_to(std::back_inserter(fraction), "{:04}", digits.group(power));
    const auto shown = static_cast<std::size_t>(scale);
    bool is_cut = fraction.find_first_not_of('0', shown) != std::string::npos;
    for (int power = -groups - 1; power >= digits.lowest_power(); --power)
        is_cut |= digits.group(power) != 0;
    if (is_cut) throw_invalid("digits behind its display scale");
    if (scale > 0) out += '.' + fraction.substr(0, shown);
}

}  // namespace

std::string numeric_text(std::string_view send_form) {
    const NumericForm form = parse_numeric(send_form);
    if (form.sign == NumericForm::kNan) return "NaN";
    if (form.sign == NumericForm::kInfinity) return "Infinity";
    if (form.sign == NumericForm::kNegativeInfinity) return "-Infinity";
    if (form.scale > kDisplayScaleMax) throw_invalid("a display scale out of range");

    std::string out = form.sign == NumericForm::kNegative ? "-" : "";
    const Digits digits(form.digits, form.weight);
    append_whole(out, digits, form.weight);
    append_fraction(out, digits, form.scale);
    return out;
}

}  // namespace walpack
