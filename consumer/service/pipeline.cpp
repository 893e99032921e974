#include "service/pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "apply/applier.h"
#include "assemble/stream_spool.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_catalog.h"
#include "copy/copy_job.h"
#include "copy/copy_sessions.h"
#include "copy/copy_start.h"
#include "copy/initial_copy.h"
#include "copy/target_rows.h"
#include "pg/connection.h"
#include "pg/primary.h"
#include "progress/activity.h"
#include "progress/progress.h"
#include "schema/target_session.h"
#include "service/apply_loop.h"
#include "service/conflict_setup.h"
#include "service/continuity.h"
#include "service/copy_quarantine.h"
#include "service/copy_stream.h"
#include "service/quarantine_setup.h"
#include "service/selected_tables.h"
#include "service/transaction_control.h"
#include "slot/receiver.h"

namespace walpack {
namespace {

// After a requested stop the transaction in hand may still be finished for this long; then it is
// rolled back.
constexpr std::chrono::milliseconds kStopGrace{3000};
// A killed consumer's backend can take a while to notice; another consumer never goes away.
constexpr std::chrono::milliseconds kLockTimeout{30'000};

// Turns a requested stop into an abort of every wait, once the grace is over.
class GraceTimer {
  public:
    GraceTimer(const StopRequest& stop, StopRequest& abort)
        : thread_(
              [this, &stop, &abort](const std::stop_token& ended) { watch(stop, abort, ended); }) {}

  private:
    void watch(const StopRequest& stop, StopRequest& abort, const std::stop_token& ended) {
        std::unique_lock lock(mutex_);
        std::optional<std::chrono::steady_clock::time_point> deadline;
        while (!ended.stop_requested()) {
            changed_.wait_for(lock, ended, std::chrono::milliseconds(100), [] { return false; });
            if (!deadline && stop.requested()) {
                deadline = std::chrono::steady_clock::now() + kStopGrace;
            }
            if (deadline && std::chrono::steady_clock::now() >= *deadline) {
                abort.request();
                return;
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::jthread thread_;
};

ProgressRow read_progress(Progress& progress, const Config& config) {
    std::optional<ProgressRow> row = progress.read();
    if (!row) {
        throw Error(ErrorKind::config,
                    fmt::format("pipeline \"{}\" is not set up on the target", config.pipeline))
            .hint("Run \"walpack init\" with the same configuration first.");
    }
    return *row;
}

}  // namespace

Pipeline::Pipeline(const Config& config, TargetFeed& feed, const StopRequest& stop,
                   UnbatchedTables& unbatched, std::function<void(const std::string&)> on_state,
                   OnCopyProgress on_copy)
    : config_(config),
      feed_(feed),
      stop_(stop),
      unbatched_(unbatched),
      on_state_(std::move(on_state)),
      on_copy_(std::move(on_copy)) {}

void Pipeline::run(const Repetition& repetition) {
    repetition_ = repetition;
    StopRequest abort;  // every wait of the applying side ends on it
    const GraceTimer grace(stop_, abort);
    Connection target(config_.target, abort, "walpack_" + config_.pipeline);
    Progress progress(target, config_.pipeline);
    read_progress(progress, config_);
    if (config_.streaming) check_spool_directory(config_.spool_directory);
    progress.lock(kLockTimeout);
    ProgressRow row = read_progress(progress, config_);
    const std::string only_target = config_.shares_slot ? config_.target_name : "";
    require_system(feed_.system_identifier, row.source_system_identifier, only_target);
    // Before the log lets go of anything for its sake.
    progress.make_durable(set_up_target_session(target).durable_commit);
    feed_.source.wait_until_known(abort);
    const SourceHistory history = feed_.source.history_up_to(row.applied_lsn, abort);
    require_history(row.timeline, row.applied_lsn, history, "target", only_target);
    require_continuity(config_.slot, row, feed_.source.reaches_back_to(), feed_.log.damage(),
                       only_target);
    if (row.timeline != history.timeline) {
        // Before it is noted, so that it is done once more when it was in vain.
        const auto end = row.timeline ? end_of_timeline(history, *row.timeline) : std::nullopt;
        if (end) {
            end_earlier_copy(target, config_.pipeline);
            request_beyond(config_.pipeline, target, *end);
        }
        progress.note_timeline(history.timeline);
    }
    feed_.timeline = history.timeline;
    origins_ = set_up_conflicts(target, config_);
    if (!row.applied_lsn.is_valid()) row.applied_lsn = start(target, progress);
    stream(target, progress, row.applied_lsn, abort);
}

ApplierOptions Pipeline::applier_options() const {
    ApplierOptions options;
    options.apply_workers = config_.apply_workers;
    options.grouping = config_.grouping;
    options.batching = config_.batching;
    options.coalescing = config_.coalescing;
    options.group_rows_max = config_.group_rows_max;
    options.group_bytes_max = config_.group_bytes_max;
    options.group_time_max = config_.group_time_max;
    options.in_flight_statements_max = config_.in_flight_statements_max;
    options.in_flight_bytes_max = config_.in_flight_bytes_max;
    options.durable_interval = config_.durable_interval;
    options.truncate_referenced = truncate_referenced_of(config_.truncate_referenced);
    options.conflicts = config_.conflicts;
    options.origins = origins_;
    options.pipeline = config_.pipeline;
    options.one_by_one_until = repetition_.one_by_one_until;
    options.one_session_until = repetition_.one_session_until;
    options.late_refusals = repetition_.late_refusals;
    return options;
}

CopyStartOptions Pipeline::copy_start_options() const {
    return {config_.source, config_.selection(), config_.pipeline, config_.empties_tables(),
            feed_.source.reaches_back_to()};
}

CopyJobOptions Pipeline::copy_job_options(const std::string& encoding) const {
    CopyJobOptions options;
    options.worker.encoding = encoding;
    options.worker.publications = config_.publications;
    options.worker.timeline = feed_.timeline;
    options.start = copy_start_options();
    options.worker.source = config_.source;
    options.worker.reading = config_.copy_from;
    options.worker.target = config_.target;
    options.worker.pipeline = config_.pipeline;
    options.worker.origins = origins_;
    options.worker.chunk_bytes = config_.copy_chunk_bytes;
    options.worker.snapshot_age_max = config_.snapshot_age_max;
    options.worker.workers = config_.copy_workers;
    options.rate_limit = config_.copy_rate_limit;
    options.backlog_bytes_max = config_.copy_backlog_bytes_max;
    options.retry_delay_min = config_.retry_delay_min;
    options.retry_delay_max = config_.retry_delay_max;
    options.on_progress = on_copy_;
    options.on_left_out = [this](const std::string& tables) {
        on_state_(tables.empty() ? "applying" : "applying; not copied: " + tables);
    };
    return options;
}

std::unique_ptr<Connection> Pipeline::connect_for_copy() const {
    auto source = std::make_unique<Connection>(config_.source, stop_, "walpack_copy");
    require_primary(*source);
    return source;
}

// The position at which the stream begins: with the copy beside it, or behind it where chunks
// cannot be loaded in an order that the target accepts.
Lsn Pipeline::start(Connection& target, Progress& progress) {
    if (!config_.copy)
        throw Error(ErrorKind::config,
                    "the target has no position, and copy = false: what it has of the source is "
                    "not known")
            .hint(
                "Run \"walpack init\" again, which gives it one if nobody has read from the slot; "
                "or set copy = true.");
    auto connection = connect_for_copy();
    Connection& source = *connection;
    const TargetSession session = set_up_target_session(target);
    match_client_encoding(source, target);
    published_at_ = std::chrono::steady_clock::now();
    const auto tables = read_published_tables(source, config_.selection());
    warn_of_missing_identity(tables);
    const auto mappings = map_all(target, tables);
    if (!config_.empties_tables()) require_empty(target, mappings);
    if (can_copy_by_chunks(mappings, session.is_replica_role)) {
        const Lsn begin = begin_copy(copy_start_options(), source, target, progress, tables, stop_);
        copy_source_ = std::move(connection);
        return begin;
    }
    log::info(
        "the target checks foreign keys, so all tables are copied under one snapshot, by one "
        "session and from the source itself");
    if (config_.copy_from.keywords() != config_.source.keywords())
        log::warning(
            "copy_from is not used: the snapshot of a standby has no exact place in the "
            "stream");
    on_state_("copying");
    InitialCopyOptions options;
    options.source = config_.source;
    options.selection = config_.selection();
    options.progress = {config_.target, config_.pipeline, on_copy_};
    options.empties_tables = config_.empties_tables();
    options.rate_limit = config_.copy_rate_limit;
    const auto quarantine = set_up_quarantine(target, progress, config_);
    std::optional<CopyQuarantine> of_copy;
    if (quarantine != nullptr) of_copy.emplace(quarantine->options(), quarantine->share());
    options.refused_rows = of_copy ? &*of_copy : nullptr;
    if (origins_ != nullptr) origins_->take(target);
    const InitialCopyResult result = run_initial_copy(options, target, progress, stop_);
    log::info("initial copy is complete: {} tables, {} rows, {}; the stream starts at {}",
              result.tables, result.rows, human_bytes(result.bytes), result.lsn.to_string());
    return result.lsn;
}

// What was copied last time, and is to be copied now.
Pipeline::ResumedCopy Pipeline::resume(Connection& target, CopyTables& tables,
                                       RefusedCopyRows* refused_rows) {
    set_up_target_session(target);
    end_earlier_copy(target, config_.pipeline);
    if (!CopyCatalog(config_.pipeline).is_begun(target)) return {};
    const bool has_just_begun = copy_source_ != nullptr;
    const auto connection = has_just_begun ? std::move(copy_source_) : connect_for_copy();
    Connection& source = *connection;
    const std::string encoding = match_client_encoding(source, target);
    CopyJobOptions options = copy_job_options(encoding);
    if (has_just_begun) options.published_at = published_at_;
    options.start.refused_rows = options.worker.refused_rows = refused_rows;
    resume_copy(options.start, source, target, tables);
    // Before the workers begin.
    const bool needs_changes_again = needs_replay(tables);
    return {std::make_unique<CopyJob>(std::move(options), tables, source, target),
            needs_changes_again};
}

// What the log dropped is received again.
void Pipeline::rewind(Lsn position) {
    while (true) {
        const std::uint64_t generation = feed_.source.generation();
        if (feed_.reader.rewind(position)) return;
        // Beginning again would lose what only the log has; a hole is cut off without that.
        const bool is_safe = feed_.source.reaches_back_to() <= position &&
                             (feed_.reader.is_before_hole() ||
                              feed_.confirmation.all_have(feed_.source.receiver().confirmed()));
        if (!is_safe)
            throw Error(ErrorKind::connection,
                        "the log cannot be read from the target's position at this moment");
        feed_.source.restart(generation, stop_);
        feed_.source.throw_if_failed();
    }
}

void Pipeline::stream(Connection& target, Progress& progress, Lsn position, StopRequest& abort) {
    CopyTables tables;
    tables.resumed_at = position;
    const auto quarantine = set_up_quarantine(target, progress, config_);
    std::optional<CopyQuarantine> of_copy;
    if (quarantine != nullptr) of_copy.emplace(quarantine->options(), quarantine->share());
    const auto [job, needs_changes_again] = resume(target, tables, of_copy ? &*of_copy : nullptr);
    const Lsn from =
        needs_changes_again ? std::min(position, feed_.source.reaches_back_to()) : position;
    feed_.confirmation.note_begun(feed_.number, from);
    rewind(from);
    const auto connect = [this, &abort] {
        auto session =
            std::make_unique<Connection>(config_.target, abort, "walpack_" + config_.pipeline);
        share_copy_lock(*session, config_.pipeline);
        if (origins_ != nullptr) origins_->take(*session);
        return session;
    };
    if (origins_ != nullptr) progress.note_origins();
    Applier applier(target, progress, position, applier_options(), unbatched_, connect);
    if (quarantine != nullptr) connect_quarantine(applier, *quarantine);
    LogReader& reader = feed_.reader;
    Receiver& receiver = feed_.source.receiver();
    applier.set_more_is_waiting([&reader, &receiver] {
        if (reader.is_drained()) receiver.look(reader);
        return !reader.is_drained();
    });
    log::info("applying from {}", from.to_string());
    on_state_("applying");
    AssemblerOptions assembling;
    assembling.spool_directory = config_.spool_directory;
    const CopyCatalog catalog(config_.pipeline);
    std::optional<CopyStream> copy;
    if (job != nullptr)
        copy.emplace(applier, tables, catalog, *job, from, position, config_.copy_backlog_bytes_max,
                     abort);
    TransactionSink& next = copy ? static_cast<TransactionSink&>(*copy) : applier;
    TransactionControl control(next, applier, target, config_.pipeline,
                               {config_.hold_transaction_over_rows, from, on_state_});
    SelectedTables selected(control, config_.selection());
    ApplyLoop loop(feed_, {selected, control, copy ? &*copy : nullptr, applier},
                   std::move(assembling));
    ActivityWriter writer(target, config_.pipeline);
    loop.set_on_activity([&writer](const Activity& activity) { writer.write(activity); });
    try {
        loop.run(stop_, abort);
    } catch (const Error& error) {
        // The grace is over: what was open is rolled back by the target, what was confirmed stays.
        const bool stopped = error.kind() == ErrorKind::cancelled && abort.requested();
        if (!stopped) throw;
    }
    log::info("stopped at {}", applier.durable_lsn().to_string());
}

}  // namespace walpack
