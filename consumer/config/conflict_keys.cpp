#include "config/conflict_keys.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "config/key_kinds.h"
#include "config/key_table.h"
#include "config/sql_name.h"
#include "config/value_reader.h"

namespace walpack {
namespace {

constexpr std::string_view kConflict = "conflict";
constexpr std::string_view kTable = "table";
constexpr std::string_view kNewestColumn = "newest_column";
constexpr std::string_view kOnError = "on_error";

std::vector<std::string> section_keys() {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kConflictKinds; ++i)
        names.emplace_back(name_of(static_cast<ConflictKind>(i)));
    names.emplace_back(kNewestColumn);
    names.emplace_back(kOnError);
    return names;
}

[[noreturn]] void refuse_unknown_section(const GivenValue& given) {
    const std::string nearest =
        nearest_name(given.section.front(), {std::string(kConflict), std::string(kTable)});
    refuse(given, "there is no such table",
           nearest.empty()
               ? "Valid tables are [conflict] and [table.\"schema.name\"]."
               : fmt::format("The nearest valid table is {}.",
                             nearest == kTable ? "[table.\"schema.name\"]" : "[conflict]"));
}

[[noreturn]] void refuse_unknown_key(const GivenValue& given) {
    const auto names = section_keys();
    const std::string nearest = nearest_name(given.key, names);
    refuse(given, "there is no such key",
           nearest.empty() ? fmt::format("Valid keys here are {}.", fmt::join(names, ", "))
                           : fmt::format("The nearest valid key is \"{}\".", nearest));
}

TableName table_of(const GivenValue& given) {
    const std::string& text = given.section[1];
    const auto names = parse_sql_names(text);
    if (!names || names->size() != 1 || names->front().size() != 2) {
        refuse(given, fmt::format("\"{}\" does not name a table", text),
               "Write it with its schema, as in SQL and in quotes: [table.\"public.orders\"], or "
               "[table.'public.\"My Table\"'].");
    }
    return {names->front()[0], names->front()[1]};
}

// nullptr for [table] itself.
ConflictSettings* settings_of(Config& config, const GivenValue& given) {
    const std::string& first = given.section.front();
    const std::size_t depth = given.section.size();
    if (first != kConflict && first != kTable) refuse_unknown_section(given);
    const std::size_t depth_max = first == kConflict ? 1 : 2;
    if (depth > depth_max) {
        refuse(given, "there is no table inside of this one",
               "Write the keys right below [conflict] or [table.\"schema.name\"].");
    }
    if (first == kConflict) return &config.conflicts.all;
    if (depth == 2) return &config.conflicts.tables[table_of(given)];
    if (!given.key.empty()) {
        refuse(given, "the key belongs to no table",
               "Write [table.\"schema.name\"] above it, such as [table.\"public.orders\"].");
    }
    return nullptr;
}

ConflictPolicy read_policy(const GivenValue& given, ConflictKind kind) {
    const std::string text = read_text(given);
    const auto policy = conflict_policy(text);
    const std::string hint = fmt::format("Write {}.", fitting_policies(kind));
    if (!policy) refuse(given, fmt::format("\"{}\" is not a policy", text), hint);
    if (!fits(*policy, kind)) {
        refuse(given, fmt::format("policy \"{}\" has no meaning for {}", text, name_of(kind)),
               hint);
    }
    return *policy;
}

void set_once(const GivenValue& given, bool is_set) {
    if (is_set) refuse(given, "the table has this key twice", "Remove one of them.");
}

void read_key(ConflictSettings& settings, const GivenValue& given) {
    if (given.key == kNewestColumn) {
        set_once(given, settings.newest_column.has_value());
        settings.newest_column = read_text(given);
        return;
    }
    const auto kind = conflict_kind(given.key);
    if (!kind) refuse_unknown_key(given);
    set_once(given, settings.policy(*kind).has_value());
    settings.policy(*kind) = read_policy(given, *kind);
}

// Of one table; that of all is a key of the file itself.
void read_on_error(Config& config, const GivenValue& given) {
    if (given.section.front() != kTable)
        refuse(given, "on_error does not belong here", "Write it above all tables of the file.");
    const std::string text = read_text(given);
    if (text != "error" && text != "quarantine") {
        refuse(given, fmt::format("\"{}\" is not a valid on_error", text),
               "Write error or quarantine.");
    }
    set_once(given, !config.table_on_error.emplace(table_of(given), text).second);
}

std::string lines_of(const ConflictSettings& settings) {
    std::string text;
    for (std::size_t i = 0; i < kConflictKinds; ++i) {
        const auto kind = static_cast<ConflictKind>(i);
        if (settings.policy(kind))
            text += fmt::format("{} = \"{}\"\n", name_of(kind), name_of(*settings.policy(kind)));
    }
    if (settings.newest_column)
        text += fmt::format("{} = {}\n", kNewestColumn, quoted(*settings.newest_column));
    return text;
}

}  // namespace

void read_section(Config& config, const GivenValue& given) {
    ConflictSettings* settings = settings_of(config, given);
    if (settings != nullptr && given.key == kOnError) return read_on_error(config, given);
    if (settings != nullptr && !given.key.empty()) read_key(*settings, given);
}

std::string describe_sections(const Config& config) {
    std::string text;
    const std::string all = lines_of(config.conflicts.all);
    if (!all.empty()) text += "[conflict]\n" + all;
    for (const auto& [name, settings] : config.conflicts.tables) {
        std::string lines = lines_of(settings);
        if (const auto on_error = config.table_on_error.find(name);
            on_error != config.table_on_error.end())
            lines += fmt::format("{} = \"{}\"\n", kOnError, on_error->second);
        if (lines.empty()) continue;
        const std::string table =
            quote_identifier(name.schema) + '.' + quote_identifier(name.table);
        text += fmt::format("[table.{}]\n{}", quoted(table), lines);
    }
    return text;
}

}  // namespace walpack
