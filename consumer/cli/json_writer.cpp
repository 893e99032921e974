#include "cli/json_writer.h"

#include <iterator>

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

unsigned byte_of(char c) {
    return static_cast<unsigned char>(c);
}

// Bytes that follow a first byte; -1 for a byte that cannot be first.
int continuation_bytes(unsigned first) {
    if (first < 0x80) return 0;
    if (first >= 0xC2 && first < 0xE0) return 1;
    if (first >= 0xE0 && first < 0xF0) return 2;
    if (first >= 0xF0 && first < 0xF5) return 3;
    return -1;
}

// The second byte's range excludes what could be written shorter, surrogates, and what lies behind
// the last code point.
bool is_second_byte(unsigned first, unsigned second) {
    const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return second >= low && second <= high;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const unsigned first = byte_of(text[at]);
        const int more = continuation_bytes(first);
        if (more < 0 || text.size() - at <= static_cast<std::size_t>(more)) return false;
        if (more > 0 && !is_second_byte(first, byte_of(text[at + 1]))) return false;
        for (int i = 2; i <= more; ++i)
            if ((byte_of(text[at + static_cast<std::size_t>(i)]) & 0xC0) != 0x80) return false;
        at += static_cast<std::size_t>(more) + 1;
    }
    return true;
}

void append_escaped(std::string& out, char c) {
    switch (c) {
        case '"':
        case '\\':
            out += '\\';
            out += c;
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            if (byte_of(c) < 0x20)
                fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte_of(c));
            else
                out += c;
    }
}

}  // namespace

void JsonWriter::separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
}

void JsonWriter::open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
}

void JsonWriter::literal(std::string_view text) {
    separate();
    out_ += text;
}

void JsonWriter::quoted(std::string_view text) {
    out_ += '"';
    for (const char c : text) append_escaped(out_, c);
    out_ += '"';
}

void JsonWriter::key(std::string_view name) {
    text(name);
    out_ += ':';
    needs_comma_ = false;
}

void JsonWriter::text(std::string_view value) {
    if (!is_utf8(value)) return hex(value);
    separate();
    quoted(value);
}

void JsonWriter::hex(std::string_view bytes) {
    separate();
    quoted("\\x" + to_hex(bytes));
}

void JsonWriter::newline() {
    out_ += '\n';
    needs_comma_ = false;
}

}  // namespace walpack
