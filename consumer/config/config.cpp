#include "config/config.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "config/config_file.h"
#include "config/conflict_keys.h"
#include "config/key_table.h"

namespace walpack {
namespace {

std::string valid_keys() {
    std::string names;
    for (const KeyDefinition& each : key_definitions()) {
        names += (names.empty() ? "" : ", ") + each.key.name;
    }
    return names;
}

[[noreturn]] void refuse_unknown(const GivenValue& given) {
    const std::string nearest = nearest_key(given.key);
    refuse(given, "there is no such key",
           nearest.empty() ? fmt::format("Valid keys are {}.", valid_keys())
                           : fmt::format("The nearest valid key is \"{}\".", nearest));
}

void apply(Config& config, const GivenValue& given) {
    if (!given.section.empty()) return read_section(config, given);
    const KeyDefinition* definition = find_key(given.key);
    if (definition == nullptr) refuse_unknown(given);
    definition->read(config, given);
}

std::string hyphened(std::string name) {
    std::ranges::replace(name, '_', '-');
    return name;
}

// As other programs do.
std::string temporary_folder() {
    const char* folder = std::getenv("TMPDIR");
    return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

void require(const std::set<std::string>& given, const std::string& key) {
    if (given.contains(key)) return;
    throw Error(ErrorKind::config, fmt::format("\"{}\" is not set", key))
        .hint(fmt::format("Set it in the configuration file (--config FILE), such as {} = "
                          "\"host=db1 dbname=app user=walpack\", or with --{}.",
                          key, key));
}

void check_together(const Config& config) {
    if (config.retry_delay_min > config.retry_delay_max) {
        throw Error(ErrorKind::config, "\"retry_delay_min\" is greater than \"retry_delay_max\"")
            .hint("Set both, or leave both at their defaults.");
    }
    if (config.status_interval * 2 > config.receive_timeout) {
        throw Error(ErrorKind::config, "\"receive_timeout\" is less than twice \"status_interval\"")
            .hint("Set a longer receive_timeout or a shorter status_interval.");
    }
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys = [] {
        std::vector<ConfigKey> copied;
        for (const KeyDefinition& each : key_definitions()) copied.push_back(each.key);
        return copied;
    }();
    return keys;
}

Config load_config(const std::optional<std::string>& path,
                   const std::map<std::string, std::string>& flags) {
    Config config;
    std::set<std::string> keys_given;
    if (path) {
        for (const GivenValue& given : read_config_file(*path)) {
            apply(config, given);
            if (given.section.empty()) keys_given.insert(given.key);
        }
    }
    for (const auto& [key, text] : flags) {
        GivenValue given;
        given.key = key;
        given.place = "flag --" + hyphened(key);
        given.value = text;
        given.is_flag = true;
        apply(config, given);
        keys_given.insert(key);
    }
    require(keys_given, "source");
    require(keys_given, "target");
    check_together(config);
    if (config.slot.empty()) config.slot = "walpack_" + config.pipeline;
    if (config.publications.empty()) config.publications = {"walpack_" + config.pipeline};
    if (config.copy_from.keywords().empty()) config.copy_from = config.source;
    if (config.spool_directory.empty()) config.spool_directory = temporary_folder();
    return config;
}

std::string describe(const Config& config) {
    std::string text;
    for (const KeyDefinition& each : key_definitions()) {
        text += fmt::format("{} = {}\n", each.key.name, each.show(config));
    }
    return text + describe_sections(config);
}

}  // namespace walpack
