#include "config/target_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "config/key_table.h"
#include "config/sql_name.h"
#include "config/value_reader.h"

namespace walpack {
namespace {

constexpr std::array<std::string_view, 19> kOfThePipeline = {
    "pipeline",       "source",        "target",          "slot",           "publications",
    "origin",         "frame_bytes",   "streaming",       "compression",    "spool_directory",
    "log_memory_max", "log_directory", "log_bytes_max",   "confirm",        "wal_budget",
    "only_target",    "log_level",     "status_interval", "receive_timeout"};

void read_name(Config& config, const GivenValue& given) {
    const std::string name = read_text(given);
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    constexpr std::size_t kLengthMax = 40;
    if (name.empty() || name.size() > kLengthMax || !std::ranges::all_of(name, is_allowed)) {
        refuse(given, fmt::format("\"{}\" is not a valid name", name),
               "Use 1 to 40 lower case letters, digits and underscores.");
    }
    config.target_name = name;
}

TableName read_table(const GivenValue& given, const std::string& text) {
    const auto names = parse_sql_names(text);
    if (!names || names->size() != 1 || names->front().size() != 2) {
        refuse(given, fmt::format("\"{}\" does not name a table", text),
               "Write each with its schema, as in SQL: [\"public.orders\"].");
    }
    return {names->front()[0], names->front()[1]};
}

void read_tables(Config& config, const GivenValue& given) {
    const auto* list = std::get_if<std::vector<std::string>>(&given.value);
    if (list == nullptr || list->empty()) {
        refuse(given, "a list of tables is needed", "Write it as [\"public.orders\"].");
    }
    for (const std::string& text : *list) config.target_tables.insert(read_table(given, text));
}

}  // namespace

std::vector<std::string> changed_pipeline_keys(const Config& running, const Config& read) {
    std::vector<std::string> changed;
    for (const std::string_view name : kOfThePipeline) {
        if (name == "source" || name == "target") continue;
        const KeyDefinition* key = find_key(std::string(name));
        if (key->show(running) != key->show(read)) changed.emplace_back(name);
    }
    return changed;
}

void read_target_key(Config& config, const GivenValue& given) {
    if (given.key == "name") return read_name(config, given);
    if (given.key == "tables") return read_tables(config, given);
    if (given.key == "conninfo") return find_key("target")->read(config, given);
    if (std::ranges::find(kOfThePipeline, given.key) != kOfThePipeline.end()) {
        refuse(given, "the key is that of the whole pipeline",
               "Write it at the top of the file, before the first [[target]].");
    }
    const KeyDefinition* definition = find_key(given.key);
    if (definition == nullptr) {
        const std::string nearest = nearest_key(given.key);
        refuse(given, "there is no such key",
               nearest.empty() ? "Valid are name, conninfo, tables, and the keys of copy and apply."
                               : fmt::format("The nearest valid key is \"{}\".", nearest));
    }
    definition->read(config, given);
}

}  // namespace walpack
