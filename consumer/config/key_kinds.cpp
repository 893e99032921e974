#include "config/key_kinds.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace walpack {

using std::chrono::milliseconds;

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

namespace {

std::string show_list(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& element : list) out += (out.empty() ? "" : ", ") + quoted(element);
    return "[" + out + "]";
}

// "one", "two" or "three".
[[noreturn]] void refuse_choice(const GivenValue& given,
                                const std::vector<std::string_view>& choices) {
    std::string list;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) list += i + 1 == choices.size() ? " or " : ", ";
        list += quoted(std::string(choices[i]));
    }
    refuse(given, fmt::format("not a valid {}", given.key), fmt::format("Write {}.", list));
}

}  // namespace

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

KeyDefinition boolean_key(const Words& words, bool Config::*field) {
    return define(
        words,
        [field](Config& config, const GivenValue& given) { config.*field = read_boolean(given); },
        [field](const Config& config) { return config.*field ? "true" : "false"; });
}

KeyDefinition choice_key(const Words& words, std::string Config::*field,
                         std::vector<std::string_view> choices) {
    return define(
        words,
        [field, choices = std::move(choices)](Config& config, const GivenValue& given) {
            const std::string text = read_text(given);
            if (std::ranges::find(choices, text) == choices.end()) refuse_choice(given, choices);
            config.*field = text;
        },
        [field](const Config& config) { return quoted(config.*field); });
}

KeyDefinition folder_key(const Words& words, std::string Config::*field) {
    return define(
        words,
        [field](Config& config, const GivenValue& given) {
            const std::string path = read_text(given);
            if (!path.starts_with('/'))
                refuse(given, "not a whole path",
                       "Write the path from the root: it starts with /.");
            config.*field = path;
        },
        [field](const Config& config) { return quoted(config.*field); });
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

}  // namespace walpack
