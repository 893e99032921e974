#include "cli/plugin_checks.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"

namespace walpack {
namespace {

constexpr std::string_view kPlugin = "walpack";
constexpr std::string_view kServerDefault = "pgoutput, test_decoding";

std::string trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '"')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '"')) text.remove_suffix(1);
    return std::string(text);
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> entries;
    while (!text.empty()) {
        const std::string_view entry = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), entry.size() + 1));
        if (std::string name = trimmed(entry); !name.empty()) entries.push_back(std::move(name));
    }
    return entries;
}

// ALTER SYSTEM takes a list of names; what is not a plain one goes in quotes.
std::string list_element(const std::string& name) {
    const bool is_plain =
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
        !(name.front() >= '0' && name.front() <= '9');
    return is_plain ? name : quote_literal(name);
}

std::vector<std::string> plugins_in_use(Connection& source) {
    const Result result = source.execute(
        "SELECT DISTINCT plugin FROM pg_catalog.pg_replication_slots "
        "WHERE plugin IS NOT NULL ORDER BY 1");
    std::vector<std::string> plugins;
    for (int row = 0; row < result.rows(); ++row) plugins.emplace_back(result.value(row, 0));
    return plugins;
}

// nullopt: the server made the slot.
std::optional<Error> try_plugin(const Config& config, const StopRequest& stop) {
    try {
        Connection probe(config.source, stop, "walpack_" + config.pipeline + "_check");
        probe.execute("SET statement_timeout = '3s'");
        probe.execute(
            "SELECT pg_catalog.pg_create_logical_replication_slot($1::pg_catalog.name, 'walpack', "
            "true)",
            {fmt::format("walpack_check_{}", probe.backend_pid())});
        return std::nullopt;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        return error;
    }
}

std::string oldest_writer(Connection& source) {
    const auto text = source.query_value(
        "SELECT pg_catalog.format('the oldest is pid %s, since %s', pid, xact_start) "
        "FROM pg_catalog.pg_stat_activity "
        "WHERE backend_xid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid() "
        "ORDER BY xact_start LIMIT 1");
    return text.value_or("prepared transactions count too, see pg_prepared_xacts");
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

void explain(Connection& source, const Error& error, Findings& findings) {
    const std::string message = error.message();
    if (contains(message, "may not be used as an output plugin")) {
        const auto present = source.query_value(
            "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'output_plugin_libraries'");
        findings.problem(End::source, "output_plugin_libraries does not list walpack",
                         plugin_libraries_fix(present, plugins_in_use(source)));
    } else if (contains(message, "could not access file")) {
        findings.problem(
            End::source, "the library walpack is not installed on the server",
            fmt::format("on the source's host: make install PG_CONFIG=<the pg_config of that "
                        "PostgreSQL {}>; no restart is needed.",
                        source.server_version() / 10000));
    } else if (error.sqlstate() == kQueryCanceled) {
        findings.warning(
            End::source,
            fmt::format("a new slot has to wait for transactions that are writing now; {}",
                        oldest_writer(source)),
            "init will wait for them; end them if they hang.");
    } else {
        findings.problem(End::source,
                         fmt::format("could not make a temporary slot with plugin walpack: {}",
                                     reason_of(error)),
                         error.hint());
    }
}

}  // namespace

std::string plugin_libraries_fix(const std::optional<std::string>& present,
                                 const std::vector<std::string>& in_use) {
    std::vector<std::string> names = split_list(present ? *present : kServerDefault);
    for (const std::string& plugin : in_use) {
        if (std::ranges::find(names, plugin) == names.end()) names.push_back(plugin);
    }
    if (std::ranges::find(names, kPlugin) == names.end()) names.emplace_back(kPlugin);
    std::string elements;
    std::string line;
    for (const std::string& name : names) {
        elements += (elements.empty() ? "" : ", ") + list_element(name);
        line += (line.empty() ? "" : ", ") + name;
    }
    std::string fix = fmt::format(
        "ALTER SYSTEM SET output_plugin_libraries = {};\nSELECT pg_reload_conf();\n"
        "or in postgresql.conf, then reload: output_plugin_libraries = '{}'\n"
        "on every server that can become the primary.",
        elements, line);
    if (!present) fix += "\nThe present value is hidden from this role: keep its other entries.";
    return fix;
}

void check_plugin(Connection& source, const Config& config, const StopRequest& stop,
                  Preflight& preflight) {
    const auto error = try_plugin(config, stop);
    if (error) return explain(source, *error, preflight.findings);
    preflight.findings.ok(End::source, "the server loads the output plugin walpack");
}

}  // namespace walpack
