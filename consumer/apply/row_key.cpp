#include "apply/row_key.h"

#include <cstdint>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "model/value_text.h"

namespace walpack {
namespace {

// Of one value, and of the whole text.
constexpr std::size_t kValueBytesMax = 100;
constexpr std::size_t kTextBytesMax = 200;

// form, then 8 bytes for a number, or a length byte, a byte for "cut", and the bytes.
void pack(const Value& value, std::string& out) {
    out += static_cast<char>(value.form);
    if (value.form == Value::Form::bytes) {
        const bool is_cut = value.bytes.size() > kValueBytesMax;
        const std::string_view kept = value.bytes.substr(0, kValueBytesMax);
        out += static_cast<char>(kept.size());
        out += is_cut ? '\1' : '\0';
        out += kept;
        return;
    }
    char number[sizeof value.integer];
    std::memcpy(number, &value.integer, sizeof number);
    if (value.form == Value::Form::boolean) number[0] = value.boolean ? '\1' : '\0';
    out.append(number, sizeof number);
}

class PackedReader {
  public:
    explicit PackedReader(std::string_view bytes) : rest_(bytes) {}

    Value next(bool& is_cut) {
        Value value;
        value.form = static_cast<Value::Form>(take(1).front());
        is_cut = false;
        if (value.form == Value::Form::bytes) {
            const auto size = static_cast<unsigned char>(take(1).front());
            is_cut = take(1).front() != '\0';
            value.bytes = take(size);
            return value;
        }
        const std::string_view number = take(sizeof value.integer);
        if (value.form == Value::Form::boolean) {
            value.boolean = number.front() != '\0';
        } else {
            std::memcpy(&value.integer, number.data(), sizeof value.integer);
        }
        return value;
    }

  private:
    std::string_view take(std::size_t size) {
        WALPACK_CHECK(size <= rest_.size());
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
};

// A multi-byte character is not cut in half (UTF-8; harmless for other encodings).
std::string shortened(std::string text, std::size_t size_max) {
    if (text.size() <= size_max) return text;
    text.resize(size_max);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) {
        text.pop_back();
    }
    if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.pop_back();
    return text + "...";
}

bool is_bare_text(ValueKind kind) {
    return kind == ValueKind::text || kind == ValueKind::enumeration || kind == ValueKind::jsonb ||
           kind == ValueKind::output;
}

std::string text_of(const Attribute& attribute, const Value& value, bool is_cut) {
    if (value.is_null()) return "null";
    if (is_cut) {
        const bool is_text = is_bare_text(attribute.kind);
        return is_text ? shortened(std::string(value.bytes) + "....", kValueBytesMax)
                       : to_hex(value.bytes.substr(0, kValueBytesMax / 2)) + "...";
    }
    const std::optional<std::string> text = to_text(attribute, value);
    return text ? shortened(*text, kValueBytesMax)
                : shortened("\\x" + to_hex(value.bytes), kValueBytesMax);
}

}  // namespace

std::string pack_row_key(const std::vector<TupleField>& identity, const RowChange& change) {
    std::string packed;
    for (const TupleField& field : identity) pack(value_at(change, field), packed);
    return packed;
}

std::string describe_row_key(const std::vector<TupleField>& identity, std::string_view packed) {
    if (identity.empty() || packed.empty()) return "";
    std::string names;
    std::string values;
    PackedReader reader(packed);
    for (const TupleField& field : identity) {
        bool is_cut = false;
        const Value value = reader.next(is_cut);
        if (value.is_unchanged_toast()) return "";
        const ColumnMapping& column = *field.column;
        names += (names.empty() ? "" : ", ") + column.column->name;
        values += (values.empty() ? "" : ", ") + text_of(column.sent_as, value, is_cut);
    }
    return '(' + names + ")=(" + shortened(values, kTextBytesMax) + ')';
}

}  // namespace walpack
