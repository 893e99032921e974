#include "schema/catalog_query.h"

#include <charconv>

namespace walpack {
namespace {

template <typename Number>
Number number_at(const Result& result, int row, int column) {
    Number number = 0;
    if (result.is_null(row, column)) return number;
    const std::string_view text = result.value(row, column);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

std::string array_literal(const std::vector<std::string>& elements) {
    std::string out = "{";
    for (const std::string& element : elements) {
        out += out.size() > 1 ? ",\"" : "\"";
        for (const char c : element) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + '}';
}

std::string array_literal(const std::vector<std::uint32_t>& oids) {
    std::string out = "{";
    for (const std::uint32_t oid : oids) {
        if (out.size() > 1) out += ',';
        out += std::to_string(oid);
    }
    return out + '}';
}

std::uint32_t oid_at(const Result& result, int row, int column) {
    return number_at<std::uint32_t>(result, row, column);
}

std::int32_t int_at(const Result& result, int row, int column) {
    return number_at<std::int32_t>(result, row, column);
}

std::uint64_t count_at(const Result& result, int row, int column) {
    return number_at<std::uint64_t>(result, row, column);
}

bool bool_at(const Result& result, int row, int column) {
    return !result.is_null(row, column) && result.value(row, column) == "t";
}

std::string text_at(const Result& result, int row, int column) {
    return result.is_null(row, column) ? "" : std::string(result.value(row, column));
}

std::vector<std::uint32_t> oids_at(const Result& result, int row, int column) {
    std::vector<std::uint32_t> oids;
    const std::string text = text_at(result, row, column);
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end; ++at) {
        std::uint32_t oid = 0;
        const auto read = std::from_chars(at, end, oid);
        if (read.ec != std::errc()) continue;  // a brace or a comma
        oids.push_back(oid);
        at = read.ptr;
    }
    return oids;
}

void pin_search_path(Connection& connection) {
    connection.execute("SET search_path = pg_catalog");
}

}  // namespace walpack
