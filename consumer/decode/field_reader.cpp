#include "decode/field_reader.h"

#include <fmt/format.h>

namespace walpack {
namespace {

// Values before the fields: the record's own array and its type.
constexpr std::size_t kBefore = 2;

}  // namespace

std::string_view name_of(WireType type) {
    switch (type) {
        case WireType::nil:
            return "nil";
        case WireType::boolean:
            return "a boolean";
        case WireType::integer:
        case WireType::unsigned_integer:
            return "an integer";
        case WireType::float32:
            return "a float 32";
        case WireType::float64:
            return "a float 64";
        case WireType::str:
            return "a str";
        case WireType::bin:
            return "a bin";
        case WireType::ext:
            return "an extension";
        case WireType::array:
            return "an array";
        case WireType::map:
            return "a map";
    }
    return "unknown";
}

const Field& FieldReader::take(std::string_view what) {
    if (taken_ == fields_.size())
        cursor_.fail_at_value(fmt::format("{} is missing", what), fields_.size() + kBefore);
    return fields_[taken_++];
}

const Field& FieldReader::take(std::string_view what, WireType type) {
    const Field& field = take(what);
    if (field.type != type) fail_type(what);
    return field;
}

void FieldReader::fail(const std::string& what) const {
    cursor_.fail_at_value(what, taken_ - 1 + kBefore);
}

void FieldReader::fail_type(std::string_view what) const {
    fail(fmt::format("{} is {}", what, name_of(fields_[taken_ - 1].type)));
}

void FieldReader::expect_elements(std::uint64_t count) const {
    if (elements_ == count) return;
    cursor_.fail_at_value(fmt::format("record has {} elements instead of {}", elements_, count), 0);
}

std::uint64_t FieldReader::unsigned_integer(std::string_view what, std::uint64_t max) {
    const Field& field = take(what);
    if (field.type != WireType::integer && field.type != WireType::unsigned_integer)
        fail_type(what);
    const bool is_signed = field.type == WireType::integer;
    const auto number =
        is_signed ? static_cast<std::uint64_t>(field.integer) : field.unsigned_integer;
    if ((is_signed && field.integer < 0) || number > max)
        fail(fmt::format("{} is out of range", what));
    return number;
}

std::uint32_t FieldReader::uint32(std::string_view what) {
    return static_cast<std::uint32_t>(
        unsigned_integer(what, std::numeric_limits<std::uint32_t>::max()));
}

std::uint64_t FieldReader::uint64(std::string_view what) {
    return unsigned_integer(what, std::numeric_limits<std::uint64_t>::max());
}

std::int64_t FieldReader::int64(std::string_view what) {
    const Field& field = take(what);
    if (field.type == WireType::unsigned_integer) fail(fmt::format("{} is out of range", what));
    if (field.type != WireType::integer) fail_type(what);
    return field.integer;
}

std::int32_t FieldReader::int32(std::string_view what) {
    const std::int64_t number = int64(what);
    if (number < std::numeric_limits<std::int32_t>::min() ||
        number > std::numeric_limits<std::int32_t>::max())
        fail(fmt::format("{} is out of range", what));
    return static_cast<std::int32_t>(number);
}

std::uint32_t FieldReader::flags(std::string_view what, std::uint32_t known) {
    const std::uint32_t flags = uint32(what);
    if ((flags & ~known) != 0) fail(fmt::format("{} have unknown bits", what));
    return flags;
}

std::string_view FieldReader::text(std::string_view what) {
    const Field& field = take(what);
    if (field.type != WireType::str && field.type != WireType::bin) fail_type(what);
    return field.bytes;
}

std::string FieldReader::name(std::string_view what) {
    const std::string_view bytes = text(what);
    if (bytes.empty()) fail(fmt::format("{} is empty", what));
    // It would end an SQL text early.
    if (bytes.find('\0') != std::string_view::npos) fail(fmt::format("{} holds a zero byte", what));
    return std::string(bytes);
}

char FieldReader::letter(std::string_view what, std::string_view allowed) {
    const std::string_view bytes = take(what, WireType::str).bytes;
    if (bytes.size() != 1 || allowed.find(bytes.front()) == std::string_view::npos)
        fail(fmt::format("{} is not known", what));
    return bytes.front();
}

std::string_view FieldReader::bin(std::string_view what) {
    return take(what, WireType::bin).bytes;
}

std::uint64_t FieldReader::array(std::string_view what) {
    return take(what, WireType::array).count;
}

void FieldReader::array_of(std::string_view what, std::uint64_t count) {
    const std::uint64_t elements = array(what);
    if (elements != count)
        fail(fmt::format("{} has {} elements instead of {}", what, elements, count));
}

std::uint64_t FieldReader::map(std::string_view what) {
    return take(what, WireType::map).count;
}

bool FieldReader::skip_nil() {
    if (taken_ == fields_.size() || fields_[taken_].type != WireType::nil) return false;
    ++taken_;
    return true;
}

}  // namespace walpack
