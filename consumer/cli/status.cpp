#include "cli/status.h"

#include <charconv>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/status_report.h"
#include "config/config.h"
#include "copy/consistent_slot.h"
#include "copy/copy_activity.h"
#include "copy/copy_catalog.h"
#include "copy/copy_worker.h"
#include "copy/session_waits.h"
#include "pg/connection.h"
#include "progress/request_table.h"
#include "quarantine/quarantine_table.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

std::optional<double> seconds(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    double value = 0;
    std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
}

void add_waits(Connection& asking, const std::string& application_name, PipelineStatus& status) {
    for (SessionWait& wait : read_session_waits(asking, application_name))
        status.copy_waits.push_back(std::move(wait));
}

void ask_source(Connection& source, PipelineStatus& status) {
    source.execute("SET search_path = pg_catalog");
    const auto written = source.query_value(
        "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
        "ELSE pg_catalog.pg_current_wal_flush_lsn() END");
    status.source_lsn = Lsn::parse(written.value_or("")).value_or(Lsn{});
    status.slot = read_slot(source, status.slot_name);
    add_waits(source, slot_application_name(status.pipeline), status);
    if (!status.slot || !status.slot->active_pid) return;
    status.measured_lag_seconds = seconds(source.query_value(
        "SELECT pg_catalog.date_part('epoch', replay_lag) FROM pg_catalog.pg_stat_replication "
        "WHERE pid = $1::pg_catalog.int4",
        {std::to_string(*status.slot->active_pid)}));
}

// A snapshot is at most as old as its transaction.
void ask_copied_from(Connection& reading, PipelineStatus& status) {
    status.oldest_snapshot_seconds = seconds(reading.query_value(
        "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - "
        "pg_catalog.min(xact_start)) FROM pg_catalog.pg_stat_activity WHERE application_name = $1 "
        "AND datname = pg_catalog.current_database() AND backend_xmin IS NOT NULL",
        {reading_application_name(status.pipeline)}));
    add_waits(reading, reading_application_name(status.pipeline), status);
}

void ask_requests(Connection& target, PipelineStatus& status) {
    if (!RequestTable::is_readable(target)) return;
    const RequestTable table(status.pipeline);
    status.held = table.read_held(target);
    for (const SkipRequest& skip : table.read(target, status.progress->applied_lsn).skips) {
        if (!skip.is_done) status.skips_waiting.push_back(skip.lsn);
    }
}

void ask_target(Connection& target, PipelineStatus& status) {
    status.progress = Progress(target, status.pipeline).read();
    if (!status.progress) return;
    status.applied_seconds_ago = seconds(target.query_value(
        "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - applied_at) "
        "FROM walpack.progress WHERE pipeline = $1 AND worker = 0",
        {status.pipeline}));
    status.copied_tables = CopyCatalog(status.pipeline).figures(target);
    for (const auto& refused : PostData(target, status.pipeline).refused())
        status.refused_structure.push_back(
            {refused.item.description, refused.message, refused.item.statement});
    ask_requests(target, status);
    status.quarantine = QuarantineTable(status.pipeline).figures(target);
    status.conflicts = read_conflict_counts(target, status.pipeline);
    status.activity = read_activity(target, status.pipeline);
    status.consumer_is_connected =
        target
            .query_value(
                "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE application_name = $1 "
                "AND datname = pg_catalog.current_database() LIMIT 1",
                {"walpack_" + status.pipeline})
            .has_value();
    if (const auto reported = read_copy_activity(target, status.pipeline)) status.take(*reported);
}

// An end that does not answer is what status has to show, so its error is a value here.
template <typename Question>
void ask(EndStatus& end, const Conninfo& conninfo, const std::string& application_name,
         Question question) {
    end.description = conninfo.describe();
    try {
        const StopRequest stop;
        Connection connection(conninfo, stop, application_name);
        question(connection);
    } catch (const Error& error) {
        end.error = error.message();
    }
}

PipelineStatus ask_all(const Config& config) {
    const std::string application_name = "walpack_" + config.pipeline + "_status";
    PipelineStatus status;
    status.pipeline = config.pipeline;
    status.slot_name = config.slot;
    status.target_name = config.target_name;
    status.service = read_service_state(config.log_directory);
    // The target first: what is applied was written before, so lag is never negative.
    ask(status.target, config.target, application_name,
        [&status](Connection& target) { ask_target(target, status); });
    ask(status.source, config.source, application_name,
        [&status](Connection& source) { ask_source(source, status); });
    if (status.is_copying())
        ask(status.copied_from, config.copy_from, application_name,
            [&status](Connection& reading) { ask_copied_from(reading, status); });
    return status;
}

}  // namespace

// A screen, or a line of JSON, for each target.
int run_status(const Invocation& invocation) {
    bool is_whole = true;
    bool is_first = true;
    for (const Config& config : load_configs(invocation.config_path, invocation.flags)) {
        const PipelineStatus status = ask_all(config);
        const bool is_json = invocation.switches.contains("json");
        if (!is_json && !is_first) print("\n");
        print(is_json ? status_json(status) : status_screen(status));
        is_whole = is_whole && status.is_whole();
        is_first = false;
    }
    return is_whole ? kExitDone : kExitFailed;
}

}  // namespace walpack
