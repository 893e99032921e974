#include "model/container_text.h"

#include <array>
#include <cstdint>
#include <span>

#include <fmt/format.h>

#include "base/error.h"
#include "model/byte_reader.h"

namespace walpack {
namespace {

constexpr int kDimensionsMax = 6;
constexpr std::int32_t kNull = -1;

// Bits of a range's first byte.
constexpr std::uint8_t kEmpty = 0x01;
constexpr std::uint8_t kLowerInclusive = 0x02;
constexpr std::uint8_t kUpperInclusive = 0x04;
constexpr std::uint8_t kLowerInfinite = 0x08;
constexpr std::uint8_t kUpperInfinite = 0x10;
constexpr std::uint8_t kRangeFlags =
    kEmpty | kLowerInclusive | kUpperInclusive | kLowerInfinite | kUpperInfinite;

[[noreturn]] void throw_invalid(const char* what) {
    throw Error(ErrorKind::protocol, what);
}

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_null_word(std::string_view text) {
    constexpr std::string_view kWord = "null";
    if (text.size() != kWord.size()) return false;
    for (std::size_t i = 0; i < kWord.size(); ++i)
        if ((text[i] | 0x20) != kWord[i]) return false;
    return true;
}

bool needs_quotes(std::string_view text, std::string_view special) {
    if (text.empty()) return true;
    for (const char c : text)
        if (is_space(c) || special.find(c) != std::string_view::npos) return true;
    return false;
}

void append_array_element(std::string& out, std::string_view text) {
    if (!is_null_word(text) && !needs_quotes(text, "\"\\{},")) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

void append_bound(std::string& out, std::string_view text) {
    if (!needs_quotes(text, "\"\\()[],")) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += c;
        out += c;
    }
    out += '"';
}

std::string_view take_counted(ByteReader& reader) {
    const auto length = reader.number<std::int32_t>();
    if (length < 0) throw_invalid("send form has a negative length");
    return reader.take(static_cast<std::size_t>(length));
}

struct Dimension {
    std::int32_t length = 0;
    std::int32_t lower_bound = 1;
};

class ArrayText {
  public:
    ArrayText(std::string_view send_form, const ElementText& element_text)
        : reader_(send_form), element_text_(element_text) {}

    std::optional<std::string> build() {
        read_head();
        if (elements_ == 0) {
            reader_.expect_end();
            return "{}";
        }
        append_bounds();
        if (!append_level(0)) return std::nullopt;
        reader_.expect_end();
        return std::move(out_);
    }

  private:
    void read_head() {
        const auto count = reader_.number<std::int32_t>();
        if (count < 0 || count > kDimensionsMax) throw_invalid("array has too many dimensions");
        const auto flags = reader_.number<std::int32_t>();
        if (flags != 0 && flags != 1) throw_invalid("array has unknown flags");
        reader_.number<std::uint32_t>();  // element type at the source

        dimensions_ = std::span(storage_).first(static_cast<std::size_t>(count));
        for (Dimension& dimension : dimensions_) {
            dimension.length = reader_.number<std::int32_t>();
            dimension.lower_bound = reader_.number<std::int32_t>();
            check_bounds(dimension);
        }
        elements_ = dimensions_.empty() ? 0 : 1;
        for (const Dimension& dimension : dimensions_) {
            elements_ *= static_cast<std::uint64_t>(dimension.length);
            // Each element has a length of four bytes at least.
            if (elements_ > reader_.left() / 4) throw_invalid("array is cut");
        }
    }

    static void check_bounds(const Dimension& dimension) {
        const std::int64_t upper = std::int64_t{dimension.lower_bound} + dimension.length - 1;
        if (dimension.length < 0 || upper > INT32_MAX)
            throw_invalid("array has a dimension out of range");
    }

    void append_bounds() {
        bool is_default = true;
        for (const Dimension& dimension : dimensions_) is_default &= dimension.lower_bound == 1;
        if (is_default) return;
        for (const Dimension& dimension : dimensions_)
            out_ += fmt::format("[{}:{}]", dimension.lower_bound,
                                dimension.lower_bound + dimension.length - 1);
        out_ += '=';
    }

    // False when the elements have no text form.
    bool append_level(std::size_t level) {
        out_ += '{';
        for (std::int32_t i = 0; i < dimensions_[level].length; ++i) {
            if (i > 0) out_ += ',';
            const bool is_innermost = level + 1 == dimensions_.size();
            if (!(is_innermost ? append_element() : append_level(level + 1))) return false;
        }
        out_ += '}';
        return true;
    }

    bool append_element() {
        const auto length = reader_.number<std::int32_t>();
        if (length == kNull) {
            out_ += "NULL";
            return true;
        }
        if (length < 0) throw_invalid("array element has a negative length");
        const auto text = element_text_(reader_.take(static_cast<std::size_t>(length)));
        if (text) append_array_element(out_, *text);
        return text.has_value();
    }

    ByteReader reader_;
    const ElementText& element_text_;
    std::array<Dimension, kDimensionsMax> storage_;
    std::span<Dimension> dimensions_;
    std::uint64_t elements_ = 0;
    std::string out_;
};

}  // namespace

std::optional<std::string> array_text(std::string_view send_form, const ElementText& element_text) {
    return ArrayText(send_form, element_text).build();
}

std::optional<std::string> range_text(std::string_view send_form, const ElementText& bound_text) {
    ByteReader reader(send_form);
    const auto flags = reader.number<std::uint8_t>();
    if ((flags & ~kRangeFlags) != 0) throw_invalid("range has unknown flags");
    if ((flags & kEmpty) != 0) {
        reader.expect_end();
        return "empty";
    }
    std::string out = (flags & kLowerInclusive) != 0 ? "[" : "(";
    if ((flags & kLowerInfinite) == 0) {
        const auto text = bound_text(take_counted(reader));
        if (!text) return std::nullopt;
        append_bound(out, *text);
    }
    out += ',';
    if ((flags & kUpperInfinite) == 0) {
        const auto text = bound_text(take_counted(reader));
        if (!text) return std::nullopt;
        append_bound(out, *text);
    }
    out += (flags & kUpperInclusive) != 0 ? ']' : ')';
    reader.expect_end();
    return out;
}

std::optional<std::string> multirange_text(std::string_view send_form,
                                           const ElementText& bound_text) {
    ByteReader reader(send_form);
    const auto count = reader.number<std::int32_t>();
    if (count < 0) throw_invalid("multirange has a negative length");
    std::string out = "{";
    for (std::int32_t i = 0; i < count; ++i) {
        const auto text = range_text(take_counted(reader), bound_text);
        if (!text) return std::nullopt;
        if (i > 0) out += ',';
        out += *text;
    }
    reader.expect_end();
    out += '}';
    return out;
}

}  // namespace walpack
