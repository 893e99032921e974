#include "service/table_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/publication_scope.h"

namespace walpack {
namespace {

// Of all targets: their entries may have sections of their own.
Config with_all_sections(const std::vector<Config>& targets) {
    Config config = targets.front();
    for (const Config& each : targets)
        config.conflicts.tables.insert(each.conflicts.tables.begin(), each.conflicts.tables.end());
    return config;
}

}  // namespace

std::vector<std::string> find_unpublished(const Config& config,
                                          const std::set<TableName>& published) {
    std::vector<std::string> names;
    for (const auto& [name, settings] : config.conflicts.tables) {
        if (published.contains(name)) continue;
        names.push_back(quote_identifier(name.schema) + "." + quote_identifier(name.table));
    }
    return names;
}

std::vector<std::string> find_unpublished(const Config& config, Connection& source) {
    if (config.conflicts.tables.empty()) return {};
    std::set<TableName> published;
    for (const auto& each : combine(read_publication_entries(source, config.publications)))
        published.insert({each.schema, each.name});
    return find_unpublished(config, published);
}

void warn_of_unpublished(const std::vector<Config>& targets, const StopRequest& stop) {
    const Config config = with_all_sections(targets);
    if (config.conflicts.tables.empty()) return;
    try {
        Connection source(config.source, stop, "walpack_" + config.pipeline);
        const std::vector<std::string> names = find_unpublished(config, source);
        if (names.empty()) return;
        log::warning(
            "[table] sections of the configuration file have no effect for tables that no "
            "publication holds: {}; correct their names, or remove the sections",
            fmt::join(names, ", "));
    } catch (const Error& error) {
        log::debug("could not compare [table] sections with the publications: {}", error.report());
    }
}

}  // namespace walpack
