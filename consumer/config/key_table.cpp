#include "config/key_table.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/value_reader.h"

namespace walpack {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPipelineNameMax = 40;
constexpr std::size_t kSlotNameMax = 63;
constexpr std::uint64_t kMegabyte = 1 << 20;
constexpr std::uint64_t kGigabyte = 1 << 30;
constexpr milliseconds kDay{86'400'000};

// Name, value name, description: what a key is called and means.
struct Words {
    const char* name;
    const char* value_name;
    const char* description;
    ConfigGroup group;
};

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string show_list(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& element : list) out += (out.empty() ? "" : ", ") + quoted(element);
    return "[" + out + "]";
}

// The default is what a fresh Config shows, so that it is written once, in config.h.
KeyDefinition define(const Words& words, std::function<void(Config&, const GivenValue&)> read,
                     std::function<std::string(const Config&)> show) {
    KeyDefinition definition;
    definition.key = {words.name, words.value_name, show(Config{}), words.description, words.group};
    definition.read = std::move(read);
    definition.show = std::move(show);
    return definition;
}

KeyDefinition with_default_text(KeyDefinition definition, std::string text) {
    definition.key.default_text = std::move(text);
    return definition;
}

KeyDefinition name_key(const Words& words, std::string Config::*field, std::size_t length_max) {
    return define(
        words,
        [field, length_max](Config& config, const GivenValue& given) {
            const std::string name = read_text(given);
            const bool is_plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
                                  std::string::npos;
            if (name.empty() || name.size() > length_max || !is_plain) {
                refuse(given, "not a valid name",
                       fmt::format("Use 1 to {} lower case letters, digits and underscores.",
                                   length_max));
            }
            config.*field = name;
        },
        [field](const Config& config) { return quoted(config.*field); });
}

KeyDefinition conninfo_key(const Words& words, Conninfo Config::*field) {
    return define(
        words,
        [field](Config& config, const GivenValue& given) { config.*field = read_conninfo(given); },
        [field](const Config& config) { return quoted((config.*field).describe()); });
}

KeyDefinition list_key(const Words& words, std::vector<std::string> Config::*field,
                       std::vector<std::string> (*read)(const GivenValue&)) {
    return define(
        words,
        [field, read](Config& config, const GivenValue& given) { config.*field = read(given); },
        [field](const Config& config) { return show_list(config.*field); });
}

KeyDefinition bytes_key(const Words& words, std::uint64_t Config::*field, CountBounds bounds) {
    return define(
        words,
        [field, bounds](Config& config, const GivenValue& given) {
            config.*field = read_bytes(given, bounds);
        },
        [field](const Config& config) { return quoted(write_bytes(config.*field)); });
}

KeyDefinition count_key(const Words& words, std::uint64_t Config::*field, CountBounds bounds) {
    return define(
        words,
        [field, bounds](Config& config, const GivenValue& given) {
            config.*field = read_count(given, bounds);
        },
        [field](const Config& config) { return std::to_string(config.*field); });
}

KeyDefinition duration_key(const Words& words, milliseconds Config::*field, DurationBounds bounds) {
    return define(
        words,
        [field, bounds](Config& config, const GivenValue& given) {
            config.*field = read_duration(given, bounds);
        },
        [field](const Config& config) { return quoted(write_duration(config.*field)); });
}

void read_origin(Config& config, const GivenValue& given) {
    const std::string origin = read_text(given);
    if (origin != "any" && origin != "none") {
        refuse(given, "not a valid origin", "Write \"any\" or \"none\".");
    }
    config.origin = origin;
}

constexpr std::array<std::pair<std::string_view, log::Level>, 4> kLevels = {{
    {"debug", log::Level::debug},
    {"info", log::Level::info},
    {"warning", log::Level::warning},
    {"error", log::Level::error},
}};

void read_log_level(Config& config, const GivenValue& given) {
    const std::string name = read_text(given);
    for (const auto& [known, level] : kLevels) {
        if (known != name) continue;
        config.log_level = level;
        return;
    }
    refuse(given, "not a log level", "Write debug, info, warning or error.");
}

std::string show_log_level(const Config& config) {
    for (const auto& [name, level] : kLevels) {
        if (level == config.log_level) return quoted(std::string(name));
    }
    return "";
}

void append_pipeline_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::pipeline;
    keys.push_back(name_key({"pipeline", "NAME",
                             "Name of the pipeline: of its progress row on the target, and of its "
                             "slot and publication unless they are given.",
                             kGroup},
                            &Config::pipeline, kPipelineNameMax));
    keys.push_back(with_default_text(
        conninfo_key({"source", "CONNINFO",
                      "Connection string of the database whose changes are read. libpq's: service "
                      "files, .pgpass and PG* variables work. No password on the command line.",
                      kGroup},
                     &Config::source),
        "required"));
    keys.push_back(with_default_text(
        conninfo_key({"target", "CONNINFO",
                      "Connection string of the database that the changes are applied to.", kGroup},
                     &Config::target),
        "required"));
    keys.push_back(
        with_default_text(name_key({"slot", "NAME", "Replication slot on the source.", kGroup},
                                   &Config::slot, kSlotNameMax),
                          "\"walpack_<pipeline>\""));
    keys.push_back(with_default_text(
        list_key({"publications", "NAMES",
                  "Publications on the source that select tables and operations. A single one that "
                  "does not exist is created by init.",
                  kGroup},
                 &Config::publications, read_names),
        "[\"walpack_<pipeline>\"]"));
    keys.push_back(
        list_key({"tables", "NAMES",
                  "Tables that the publication made by init holds, each with its schema. "
                  "Empty: all tables of the database.",
                  kGroup},
                 &Config::tables, read_table_names));
    keys.push_back(define(
        {"copy", "BOOLEAN",
         "Copy the rows that exist before the stream takes over. With false the "
         "target must hold them already.",
         kGroup},
        [](Config& config, const GivenValue& given) { config.copy = read_boolean(given); },
        [](const Config& config) { return config.copy ? "true" : "false"; }));
    keys.push_back(define({"origin", "any|none",
                           "any: all changes. none: only changes that were not themselves "
                           "replicated to the source.",
                           kGroup},
                          read_origin, [](const Config& config) { return quoted(config.origin); }));
}

void append_stream_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(bytes_key({"frame_bytes", "BYTES",
                              "Size at which the plugin sends a message although its transaction "
                              "goes on.",
                              kGroup},
                             &Config::frame_bytes, {64, 16 * kMegabyte}));
    keys.push_back(bytes_key({"log_bytes_max", "BYTES",
                              "Memory for what is received and not yet applied. When it is full, "
                              "the source is read no further until there is room.",
                              kGroup},
                             &Config::log_bytes_max, {kMegabyte, 64 * kGigabyte}));
    keys.push_back(count_key({"group_rows_max", "ROWS",
                              "Rows after which a group of source transactions is committed on the "
                              "target although more are waiting.",
                              kGroup},
                             &Config::group_rows_max, {1, 10'000'000}));
    keys.push_back(
        count_key({"in_flight_statements_max", "COUNT",
                   "Statements sent to the target before their results are read.", kGroup},
                  &Config::in_flight_statements_max, {1, 1'000'000}));
    keys.push_back(bytes_key({"in_flight_bytes_max", "BYTES",
                              "Bytes sent to the target before their results are read.", kGroup},
                             &Config::in_flight_bytes_max, {64 * 1024, kGigabyte}));
    keys.push_back(duration_key({"durable_interval", "DURATION",
                                 "Time between two commits that wait for the target's disk. The "
                                 "slot is confirmed only up to the last of them.",
                                 kGroup},
                                &Config::durable_interval,
                                {milliseconds(0), milliseconds(60'000)}));
}

void append_service_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::service;
    keys.push_back(duration_key(
        {"status_interval", "DURATION", "Time between two status messages to the source.", kGroup},
        &Config::status_interval, {milliseconds(100), milliseconds(60'000)}));
    keys.push_back(
        duration_key({"receive_timeout", "DURATION",
                      "Silence of the source after which the connection counts as lost.", kGroup},
                     &Config::receive_timeout, {milliseconds(1000), kDay}));
    keys.push_back(duration_key({"retry_delay_min", "DURATION",
                                 "Wait before the first new attempt after a lost connection. It "
                                 "doubles with each attempt that fails.",
                                 kGroup},
                                &Config::retry_delay_min, {milliseconds(10), kDay}));
    keys.push_back(
        duration_key({"retry_delay_max", "DURATION", "Longest wait between two attempts.", kGroup},
                     &Config::retry_delay_max, {milliseconds(10), kDay}));
    keys.push_back(define({"log_level", "LEVEL",
                           "What is logged: debug, info, warning or error. Only debug may show row "
                           "values.",
                           kGroup},
                          read_log_level, show_log_level));
}

// Levenshtein's distance: insertions, deletions and replacements that make one of the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

const std::vector<KeyDefinition>& key_definitions() {
    static const std::vector<KeyDefinition> definitions = [] {
        std::vector<KeyDefinition> keys;
        append_pipeline_keys(keys);
        append_stream_keys(keys);
        append_service_keys(keys);
        return keys;
    }();
    return definitions;
}

const KeyDefinition* find_key(const std::string& name) {
    const auto& definitions = key_definitions();
    const auto found = std::ranges::find_if(
        definitions, [&name](const KeyDefinition& each) { return each.key.name == name; });
    return found == definitions.end() ? nullptr : &*found;
}

std::string nearest_key(const std::string& name) {
    constexpr std::size_t kComparedBytesMax = 100;
    if (name.size() > kComparedBytesMax) return "";
    std::string nearest;
    std::size_t smallest = name.size() / 2 + 1;  // further away, nothing is alike
    for (const KeyDefinition& each : key_definitions()) {
        const std::size_t distance = edit_distance(name, each.key.name);
        if (distance >= smallest) continue;
        smallest = distance;
        nearest = each.key.name;
    }
    return nearest;
}

}  // namespace walpack
