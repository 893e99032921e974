#include "copy/copy_text.h"

namespace walpack {
namespace {

constexpr std::string_view kNull = "\\N";

// What COPY TO writes; any other character stands for itself.
char escaped(char c) {
    switch (c) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        default:
            return c;
    }
}

std::optional<std::string> value_of(std::string_view text) {
    if (text == kNull) return std::nullopt;
    std::string value;
    value.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_escape = text[at] == '\\' && at + 1 < text.size();
        value += is_escape ? escaped(text[++at]) : text[at];
    }
    return value;
}

}  // namespace

std::vector<std::optional<std::string>> parse_copy_row(std::string_view row) {
    if (row.ends_with('\n')) row.remove_suffix(1);
    std::vector<std::optional<std::string>> values;
    while (true) {
        const auto end = row.find('\t');
        values.push_back(value_of(row.substr(0, end)));
        if (end == std::string_view::npos) return values;
        row.remove_prefix(end + 1);
    }
}

}  // namespace walpack
