// The JSON of held rows: see held_row.h.
#include <cstddef>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "quarantine/held_row.h"

namespace walpack {
namespace {

constexpr std::uint32_t kNoCharacter = 0xFFFFFFFF;

// The character at the front of `text`, which is taken away; kNoCharacter when it is not UTF-8.
std::uint32_t take_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const bool is_first = first < 0x80 || (first >= 0xC2 && first < 0xF5);
    if (!is_first || text.size() < length) return kNoCharacter;
    std::uint32_t character = length == 1 ? first : first & (0x7FU >> length);
    for (std::size_t index = 1; index < length; ++index) {
        const auto next = static_cast<unsigned char>(text[index]);
        if ((next & 0xC0) != 0x80) return kNoCharacter;
        character = character << 6 | (next & 0x3FU);
    }
    text.remove_prefix(length);
    return character;
}

void append_escape(std::string& out, std::uint32_t unit) {
    out += fmt::format("\\u{:04x}", unit);
}

void append_character(std::string& out, std::uint32_t character) {
    if (character == '"' || character == '\\') {
        out += '\\';
        out += static_cast<char>(character);
    } else if (character >= 0x20 && character < 0x7F) {
        out += static_cast<char>(character);
    } else if (character < 0x10000) {
        append_escape(out, character);
    } else {
        append_escape(out, 0xD800 + ((character - 0x10000) >> 10));
        append_escape(out, 0xDC00 + ((character - 0x10000) & 0x3FF));
    }
}

bool is_ascii(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
}

// False when the text is not UTF-8; `out` is then as it was.
bool append_string(std::string& out, std::string_view text) {
    const std::size_t start = out.size();
    out += '"';
    while (!text.empty()) {
        const std::uint32_t character = take_character(text);
        if (character == kNoCharacter) {
            out.resize(start);
            return false;
        }
        append_character(out, character);
    }
    out += '"';
    return true;
}

void append_name(std::string& out, std::string_view name, bool is_utf8) {
    if ((is_utf8 || is_ascii(name)) && append_string(out, name)) return;
    // In an encoding that the server converts it from, as it does with the rest of the statement.
    out += '"';
    for (const char c : name) {
        if (static_cast<unsigned char>(c) < 0x80) {
            append_character(out, static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_value(std::string& out, const HeldValue& value, bool is_utf8) {
    switch (value.form) {
        case HeldValue::Form::null:
            out += "null";
            return;
        case HeldValue::Form::unchanged:
            out += "{\"unchanged\": true}";
            return;
        case HeldValue::Form::binary:
            out += "{\"binary\": \"" + to_hex(value.bytes) + "\"}";
            return;
        case HeldValue::Form::text:
            if ((is_utf8 || is_ascii(value.bytes)) && append_string(out, value.bytes)) return;
            out += "{\"text\": \"" + to_hex(value.bytes) + "\"}";
            return;
    }
}

void append_utf8(std::string& out, std::uint32_t character) {
    const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (character < 0x80) return add(character);
    if (character < 0x800) {
        add(0xC0 | character >> 6);
    } else {
        if (character < 0x10000) {
            add(0xE0 | character >> 12);
        } else {
            add(0xF0 | character >> 18);
            add(0x80 | ((character >> 12) & 0x3F));
        }
        add(0x80 | ((character >> 6) & 0x3F));
    }
    add(0x80 | (character & 0x3F));
}

// Of the objects above; also with the blanks and escapes that others would write.
class Parser {
  public:
    explicit Parser(std::string_view rest) : rest_(rest) {}

    HeldTuple tuple() {
        HeldTuple tuple;
        expect('{');
        while (!take_if('}')) {
            if (!tuple.empty()) expect(',');
            std::string name = string();
            expect(':');
            tuple.push_back({std::move(name), value()});
        }
        expect_end();
        return tuple;
    }

    std::vector<std::string> names() {
        std::vector<std::string> names;
        expect('[');
        while (!take_if(']')) {
            if (!names.empty()) expect(',');
            names.push_back(string());
        }
        expect_end();
        return names;
    }

  private:
    [[noreturn]] static void refuse() {
        throw Error(ErrorKind::value, "a row in quarantine is not of the form that walpack writes")
            .hint(
                "Was walpack.quarantine changed by hand? Put the row back as it was, or discard "
                "it.");
    }

    void expect_end() {
        if (next() != '\0') refuse();
    }
    char next() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
            rest_.remove_prefix(1);
        return rest_.empty() ? '\0' : rest_.front();
    }
    bool take_if(char wanted) {
        if (next() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char wanted) {
        if (!take_if(wanted)) refuse();
    }
    bool take_word(std::string_view word) {
        next();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    char take() {
        if (rest_.empty()) refuse();
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    HeldValue value() {
        if (take_word("null")) return {};
        if (next() == '"') return {HeldValue::Form::text, string()};
        expect('{');
        const std::string form = string();
        expect(':');
        HeldValue value;
        if (form == "unchanged") {
            if (!take_word("true")) refuse();
            value.form = HeldValue::Form::unchanged;
        } else if (form == "text" || form == "binary") {
            value.form = form == "text" ? HeldValue::Form::text : HeldValue::Form::binary;
            value.bytes = from_hex(string());
        } else {
            refuse();
        }
        expect('}');
        return value;
    }

    std::string string() {
        std::string out;
        expect('"');
        for (char c = take(); c != '"'; c = take()) {
            if (c != '\\') {
                out += c;
            } else {
                append_escaped(out);
            }
        }
        return out;
    }

    void append_escaped(std::string& out) {
        constexpr std::string_view kEscaped = "bfnrt";
        constexpr std::string_view kMeant = "\b\f\n\r\t";
        const char c = take();
        if (c == 'u') return append_utf8(out, character());
        const std::size_t at = kEscaped.find(c);
        out += at == std::string_view::npos ? c : kMeant[at];
    }

    // Behind \u: two of them above the first 65536.
    std::uint32_t character() {
        const std::uint32_t unit = four_digits();
        if (unit < 0xD800 || unit >= 0xE000) return unit;
        if (take() != '\\' || take() != 'u') refuse();
        return 0x10000 + ((unit & 0x3FF) << 10) + (four_digits() & 0x3FF);
    }
    std::uint32_t four_digits() {
        std::uint32_t number = 0;
        for (int digit = 0; digit < 4; ++digit) {
            const auto lower = static_cast<char>(take() | 0x20);
            const std::size_t value = std::string_view("0123456789abcdef").find(lower);
            if (value == std::string_view::npos) refuse();
            number = number << 4 | static_cast<std::uint32_t>(value);
        }
        return number;
    }

    std::string_view rest_;
};

}  // namespace

std::string to_json(const HeldTuple& tuple, bool is_utf8) {
    std::string out = "{";
    for (const HeldColumn& column : tuple) {
        if (out.size() > 1) out += ", ";
        append_name(out, column.name, is_utf8);
        out += ": ";
        append_value(out, column.value, is_utf8);
    }
    return out + '}';
}

HeldTuple parse_held_tuple(std::string_view json) {
    return Parser(json).tuple();
}

std::vector<std::string> parse_held_names(std::string_view json) {
    return Parser(json).names();
}

}  // namespace walpack
