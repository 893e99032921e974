#include "structure/archive.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr std::uint32_t kNoClass = 0;

// Longer ones before those that they begin with.
constexpr std::array<std::string_view, 24> kKindsOfSeveralWords = {
    "ACCESS METHOD",          "CHECK CONSTRAINT",   "DEFAULT ACL",
    "EVENT TRIGGER",          "FK CONSTRAINT",      "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",          "INDEX ATTACH",       "LARGE OBJECT",
    "MATERIALIZED VIEW",      "OPERATOR CLASS",     "OPERATOR FAMILY",
    "PROCEDURAL LANGUAGE",    "ROW SECURITY",       "SECURITY LABEL",
    "SEQUENCE OWNED BY",      "SEQUENCE SET",       "SHELL TYPE",
    "STATISTICS DATA",        "TABLE ATTACH",       "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE"};
// Attachments of a table or index would else be a table of a schema of that name.
constexpr std::array<std::string_view, 4> kKindsWithoutClass = {"INDEX ATTACH", "SEQUENCE OWNED BY",
                                                                "SEQUENCE SET", "TABLE ATTACH"};

std::string_view take_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    return word;
}

std::optional<std::uint32_t> take_number(std::string_view& text) {
    std::uint32_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return number;
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

std::string_view take_kind(std::string_view& text, std::uint32_t class_oid) {
    for (const std::string_view kind : kKindsOfSeveralWords) {
        if (!text.starts_with(std::string(kind) + ' ')) continue;
        const bool has_no_class = std::find(kKindsWithoutClass.begin(), kKindsWithoutClass.end(),
                                            kind) != kKindsWithoutClass.end();
        if (has_no_class && class_oid != kNoClass) continue;
        text.remove_prefix(kind.size() + 1);
        return kind;
    }
    return take_word(text);
}

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

ArchiveEntry parse_entry(std::string_view line) {
    ArchiveEntry entry;
    std::string_view rest = line;
    const auto id = take_number(rest);
    const bool has_class = id && take(rest, "; ");
    const auto class_oid = take_number(rest);
    const bool has_object = has_class && class_oid && take(rest, " ");
    const auto object_oid = take_number(rest);
    if (!has_object || !object_oid || !take(rest, " ")) {
        throw Error(ErrorKind::protocol, "the list of pg_restore has an unknown line")
            .detail(fmt::format("It is \"{}\".", line));
    }
    entry.id = *id;
    entry.class_oid = *class_oid;
    entry.object_oid = *object_oid;
    entry.kind = take_kind(rest, entry.class_oid);
    entry.schema = take_word(rest);
    entry.name = rest.substr(0, rest.rfind(' '));  // the owner is the last
    return entry;
}

// The position of the next header of one of the entries that were not found yet: of its first line.
struct Header {
    std::size_t begin = 0;
    std::size_t text_begin = 0;
    std::uint32_t id = 0;
};

std::optional<Header> next_header(std::string_view script, std::size_t from,
                                  const std::map<std::uint32_t, ArchiveEntry>& entries,
                                  const std::map<std::uint32_t, std::string>& found) {
    constexpr std::string_view kOpening = "\n--\n-- TOC entry ";
    constexpr std::string_view kClosing = "\n--\n";
    for (std::size_t at = from; (at = script.find(kOpening, at)) != std::string_view::npos; ++at) {
        std::string_view rest = script.substr(at + kOpening.size());
        const auto id = take_number(rest);
        const auto entry = id ? entries.find(*id) : entries.end();
        if (entry == entries.end() || found.contains(*id)) continue;
        // The body of a function can hold a line that looks like a header.
        if (!take(rest, fmt::format(" (class {} OID {})\n", entry->second.class_oid,
                                    entry->second.object_oid))) {
            continue;
        }
        const std::size_t end = script.find(kClosing, at + kOpening.size());
        if (end == std::string_view::npos) return std::nullopt;
        return Header{at, end + kClosing.size(), *id};
    }
    return std::nullopt;
}

// Settings for the next entry stand at the end of this one's text.
std::string trimmed(std::string_view text) {
    const auto trim_end = [&text] {
        while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    };
    while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
    trim_end();
    while (true) {
        const std::size_t line_end = text.rfind('\n');
        const std::string_view last =
            line_end == std::string_view::npos ? text : text.substr(line_end + 1);
        if (!last.starts_with("SET default_table_access_method = ") &&
            !last.starts_with("SET default_tablespace = ")) {
            return std::string(text);
        }
        text.remove_suffix(last.size());
        trim_end();
    }
}

std::size_t end_of_script(std::string_view script) {
    const std::size_t complete = script.rfind("\n--\n-- PostgreSQL database dump complete");
    const std::size_t completed = script.substr(0, complete).rfind("\n-- Completed on ");
    // Verbose output tells the time before it; a text that looks so and stands elsewhere is SQL.
    constexpr std::size_t kTimeLineMax = 100;
    if (completed != std::string_view::npos && complete - completed < kTimeLineMax) {
        return completed;
    }
    return complete == std::string_view::npos ? script.size() : complete;
}

// Past a quoted piece that begins at `at`; `at + 1` where none begins.
std::size_t skip_quoted(std::string_view sql, std::size_t at) {
    const char quote = sql[at];
    if (quote != '\'' && quote != '"') return at + 1;
    const bool has_escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e');
    for (++at; at < sql.size(); ++at) {
        if (has_escapes && sql[at] == '\\') {
            ++at;
        } else if (sql[at] == quote) {
            return at + 1;  // a doubled one begins a new piece right away
        }
    }
    return sql.size();
}

}  // namespace

std::string ArchiveEntry::description() const {
    return schema == "-" ? kind + ' ' + name : kind + ' ' + schema + ' ' + name;
}

std::vector<ArchiveEntry> parse_archive_list(std::string_view text) {
    constexpr std::string_view kDependencies = ";\tdepends on:";
    std::vector<ArchiveEntry> entries;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take(line, kDependencies)) {
            while (take(line, " ") && !entries.empty()) {
                if (const auto id = take_number(line)) entries.back().depends_on.push_back(*id);
            }
        } else if (!line.empty() && !line.starts_with(';')) {
            entries.push_back(parse_entry(line));
        }
    }
    return entries;
}

std::map<std::uint32_t, std::string> split_archive_script(
    std::string_view script, const std::map<std::uint32_t, ArchiveEntry>& entries) {
    script = script.substr(0, end_of_script(script));
    std::map<std::uint32_t, std::string> texts;
    std::optional<Header> header = next_header(script, 0, entries, texts);
    while (header) {
        texts[header->id];  // found
        const auto next = next_header(script, header->text_begin - 1, entries, texts);
        const std::size_t end = next ? next->begin : script.size();
        texts[header->id] = trimmed(script.substr(header->text_begin, end - header->text_begin));
        header = next;
    }
    std::erase_if(texts, [](const auto& each) { return each.second.empty(); });
    return texts;
}

std::vector<std::string> split_statements(std::string_view sql) {
    std::vector<std::string> statements;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < sql.size();) {
        if (sql[at] != ';') {
            at = skip_quoted(sql, at);
            continue;
        }
        ++at;
        statements.push_back(trimmed(sql.substr(begin, at - begin)));
        begin = at;
    }
    std::string rest = trimmed(sql.substr(begin));
    if (!rest.empty()) statements.push_back(std::move(rest));
    return statements;
}

}  // namespace walpack
