#include "config/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "config/config_file.h"
#include "config/conflict_keys.h"
#include "config/key_table.h"
#include "config/target_keys.h"
#include "pg/conninfo_origin.h"

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
    if (given.target != 0) return read_target_key(config, given);
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

constexpr const char* kServiceFolder = "/var/lib/walpack/";

// Where a service may keep what must survive a restart: what systemd names, else the user's own.
std::string default_log_directory(const std::string& pipeline) {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    // systemd separates several by colons.
    const std::string service = variable("STATE_DIRECTORY");
    if (!service.empty()) return service.substr(0, service.find(':')) + "/" + pipeline;
    // Commands beside a service that systemd runs, which gives them no such variable.
    std::error_code error;
    const std::string of_service = kServiceFolder + pipeline;
    if (std::filesystem::is_directory(of_service, error)) return of_service;
    const std::string state = variable("XDG_STATE_HOME");
    if (!state.empty()) return state + "/walpack/" + pipeline;
    const std::string home = variable("HOME");
    return home.empty() ? of_service : home + "/.local/state/walpack/" + pipeline;
}

void require(const std::set<std::string>& given, const std::string& key) {
    if (given.contains(key)) return;
    throw Error(ErrorKind::config, fmt::format("\"{}\" is not set", key))
        .hint(fmt::format("Set it in the configuration file (--config FILE), such as {} = "
                          "\"host=db1 dbname=app user=walpack\", or with --{}.",
                          key, key));
}

void require_entry(const std::set<std::string>& given, std::size_t entry) {
    for (const char* key : {"name", "conninfo"}) {
        if (given.contains(key)) continue;
        throw Error(ErrorKind::config,
                    fmt::format("entry {} of [[target]] has no \"{}\"", entry, key))
            .hint("Each needs a name and a conninfo.");
    }
    if (!given.contains("target")) return;
    throw Error(ErrorKind::config, "both \"target\" and [[target]] are given")
        .hint("Write every target as a [[target]] entry.");
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

GivenValue given_flag(const std::string& key, const std::string& text) {
    GivenValue given;
    given.key = key;
    given.place = "flag --" + hyphened(key);
    given.value = text;
    given.is_flag = true;
    return given;
}

void set_defaults(Config& config) {
    if (config.slot.empty()) config.slot = "walpack_" + config.pipeline;
    if (config.publications.empty()) config.publications = {"walpack_" + config.pipeline};
    if (config.copy_from.keywords().empty()) config.copy_from = config.source;
    if (config.spool_directory.empty()) config.spool_directory = temporary_folder();
    if (config.log_directory.empty()) config.log_directory = default_log_directory(config.pipeline);
}

// As one entry of [[target]] has it, or the file without any: 0.
Config read_config(const std::vector<GivenValue>& given, std::size_t entry) {
    Config config;
    std::set<std::string> keys_given;
    for (const std::size_t target : {std::size_t{0}, entry}) {
        for (const GivenValue& each : given) {
            if (each.is_flag || each.target != target) continue;
            if (each.section == std::vector<std::string>{"target"}) continue;  // the entry itself
            apply(config, each);
            if (each.section.empty()) keys_given.insert(each.key);
        }
        if (entry == 0) break;
    }
    for (const GivenValue& each : given) {
        if (!each.is_flag) continue;
        apply(config, each);
        keys_given.insert(each.key);
    }
    require(keys_given, "source");
    if (entry == 0) require(keys_given, "target");
    if (entry != 0) require_entry(keys_given, entry);
    config.shares_slot = entry != 0;
    check_together(config);
    set_defaults(config);
    return config;
}

void check_targets(const std::vector<Config>& configs) {
    std::set<std::string> names;
    for (const Config& each : configs) {
        if (names.insert(each.target_name).second) continue;
        throw Error(ErrorKind::config,
                    fmt::format("two [[target]] entries are named \"{}\"", each.target_name))
            .hint("Give each a name of its own.");
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

namespace {

std::vector<Config> read_configs(const std::optional<std::string>& path,
                                 const std::map<std::string, std::string>& flags) {
    std::vector<GivenValue> given;
    if (path) given = read_config_file(*path);
    const std::size_t entries = std::accumulate(
        given.begin(), given.end(), std::size_t{0},
        [](std::size_t most, const GivenValue& each) { return std::max(most, each.target); });
    for (const auto& [key, text] : flags) given.push_back(given_flag(key, text));
    std::vector<Config> configs;
    for (std::size_t entry = std::min<std::size_t>(entries, 1); entry <= entries; ++entry)
        configs.push_back(read_config(given, entry));
    check_targets(configs);
    const std::string only = configs.front().only_target;
    if (only.empty()) return configs;
    std::erase_if(configs, [&only](const Config& each) { return each.target_name != only; });
    if (!configs.empty()) return configs;
    throw Error(ErrorKind::config, fmt::format("there is no target \"{}\"", only))
        .hint("Name one of the [[target]] entries of the configuration file.");
}

// How one of the connection strings is read again: as the target of that name has it then.
class Rereading {
  public:
    Rereading(std::string path, std::map<std::string, std::string> flags)
        : path_(std::move(path)), flags_(std::move(flags)) {}

    // As any of them has it: the first one may be out of the file by then.
    std::shared_ptr<ConninfoOrigin> origin_of_source(const Config& config) const {
        const auto read = [path = path_, flags = flags_] {
            return read_configs(path, flags).front().source;
        };
        return std::make_shared<ConninfoOrigin>("source", config.source, read);
    }

    std::shared_ptr<ConninfoOrigin> origin(const Config& config, const std::string& key,
                                           Conninfo Config::*field) const {
        const auto read = [path = path_, flags = flags_, name = config.target_name, field] {
            for (const Config& each : read_configs(path, flags))
                if (each.target_name == name) return each.*field;
            throw Error(ErrorKind::config, fmt::format("there is no target \"{}\"", name));
        };
        return std::make_shared<ConninfoOrigin>(key, config.*field, read);
    }

  private:
    std::string path_;
    std::map<std::string, std::string> flags_;
};

}  // namespace

std::vector<Config> load_configs(const std::optional<std::string>& path,
                                 const std::map<std::string, std::string>& flags) {
    std::vector<Config> configs = read_configs(path, flags);
    if (!path) return configs;
    const Rereading rereading(*path, flags);
    const auto of_source = rereading.origin_of_source(configs.front());
    for (Config& config : configs) {
        config.source.set_origin(of_source);
        config.target.set_origin(rereading.origin(
            config, config.shares_slot ? "conninfo of " + config.target_name : "target",
            &Config::target));
        const bool is_of_source = config.copy_from.keywords() == config.source.keywords();
        const auto of_copy =
            is_of_source ? of_source : rereading.origin(config, "copy_from", &Config::copy_from);
        if (!is_of_source) of_copy->distrust_first();
        config.copy_from.set_origin(of_copy);
    }
    return configs;
}

Config load_config(const std::optional<std::string>& path,
                   const std::map<std::string, std::string>& flags) {
    std::vector<Config> configs = load_configs(path, flags);
    if (configs.size() == 1) return std::move(configs.front());
    std::string names;
    for (const Config& each : configs) names += (names.empty() ? "" : ", ") + each.target_name;
    throw Error(ErrorKind::config,
                "the pipeline has several targets, and this is about one of them")
        .hint(fmt::format("Name it with --only-target: {}.", names));
}

std::string describe(const Config& config) {
    std::string text;
    for (const KeyDefinition& each : key_definitions()) {
        text += fmt::format("{} = {}\n", each.key.name, each.show(config));
    }
    return text + describe_sections(config);
}

bool is_same_target(const Config& one, const Config& other) {
    const auto is_same_connection = [&one, &other](Conninfo Config::*field) {
        return (one.*field).keywords() == (other.*field).keywords();
    };
    return one.target_name == other.target_name && one.target_tables == other.target_tables &&
           is_same_connection(&Config::target) && is_same_connection(&Config::source) &&
           is_same_connection(&Config::copy_from) && describe(one) == describe(other);
}

}  // namespace walpack
