#include "cli/drop.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/stop_request.h"
#include "base/text.h"
#include "cli/finding.h"
#include "cli/output.h"
#include "cli/publication.h"
#include "config/config.h"
#include "log/log_removal.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "schema/replication_origins.h"
#include "slot/slot.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

// A consumer that was just stopped needs a moment until both servers have noticed.
constexpr std::chrono::seconds kReleaseTimeout{5};

class Removal {
  public:
    // `wants_source`: no other target needs the slot.
    Removal(const Config& config, const Invocation& invocation, bool wants_source)
        : config_(config),
          wants_source_(wants_source && !invocation.switches.contains("target-only")),
          wants_target_(!invocation.switches.contains("source-only")),
          ends_consumer_(invocation.switches.contains("force")) {}

    // Throws where a service is at work: before anything is removed of several targets, which it
    // may not have in hand at the moment.
    void require_free_slot() {
        if (ends_consumer_ || !wants_source_) return;
        try {
            Connection source(config_.source, stop_, application_name());
            const auto state = read_slot(source, config_.slot);
            if (state && state->active_pid) release(source, config_.slot);
        } catch (const Error& error) {
            if (is_in_use(error)) throw;  // otherwise it is told when the slot's turn comes
        }
    }

    // What could not be removed is said on standard error.
    bool run() {
        if (wants_target_) attempt([this] { look_at_target(); });
        if (is_at_work_) return false;
        if (wants_source_) attempt([this] { clean_source(); });
        // A slot that stays, since it is in use, still needs the row. One on a source that cannot
        // be reached does not: nothing will be applied from it any more.
        if (target_ && !slot_is_kept_) attempt([this] { clean_target(); });
        return is_complete_;
    }

  private:
    template <typename Step>
    void attempt(Step step) {
        try {
            step();
        } catch (const Error& error) {
            // One end's trouble must not keep the other end dirty.
            std::fprintf(stderr, "%s\n", error.report().c_str());
            is_complete_ = false;
        }
    }

    std::string application_name() const { return "walpack_" + config_.pipeline + "_drop"; }

    static bool is_in_use(const Error& error) {
        return error.kind() == ErrorKind::connection && error.sqlstate() == kObjectInUse;
    }

    // A service that is connecting to the source has no slot in use, but this.
    void look_at_target() {
        target_ = std::make_unique<Connection>(config_.target, stop_, application_name());
        Progress progress(*target_, config_.pipeline);
        progress_ = progress.read();
        is_target_known_ = true;
        if (!progress_ || ends_consumer_) return;
        is_at_work_ = true;
        progress.lock(kReleaseTimeout);
        is_at_work_ = false;
    }

    void clean_source() {
        Connection source(config_.source, stop_, application_name());
        slot_is_kept_ = true;
        source.execute("SET search_path = pg_catalog");
        remove_slot(source);
        slot_is_kept_ = false;
        for (const std::string& name : config_.publications) remove_publication(source, name);
    }

    void remove_slot(Connection& source) {
        const std::string slot = progress_ ? progress_->slot : config_.slot;
        auto state = read_slot(source, slot);
        if (!state) {
            print(fmt::format("there is no replication slot \"{}\"\n", slot));
            return;
        }
        require_own_slot(slot, *state);
        require_own_pipeline(slot);
        if (state->active_pid) release(source, slot);
        if (drop_slot(source, slot)) print(fmt::format("dropped replication slot \"{}\"\n", slot));
    }

    // init makes the progress row before the slot, and drop removes it after the slot.
    void require_own_pipeline(const std::string& slot) const {
        if (!is_target_known_ || progress_) return;
        throw Error(ErrorKind::config,
                    fmt::format("replication slot \"{}\" exists, but this target has no progress "
                                "of it: another target may need it",
                                slot))
            .hint("If nothing else reads it, run \"walpack drop --source-only\".");
    }

    void release(Connection& source, const std::string& slot) const {
        const auto user = source.query_value(
            "SELECT pg_catalog.format('pid %s (%s, from %s)', a.pid, a.application_name, "
            "COALESCE(pg_catalog.host(a.client_addr), 'this host')) "
            "FROM pg_catalog.pg_replication_slots s JOIN pg_catalog.pg_stat_activity a "
            "ON a.pid = s.active_pid WHERE s.slot_name = $1",
            {slot});
        if (!user) return;  // released in the meantime
        if (!ends_consumer_) {
            throw Error(
                ErrorKind::connection,
                fmt::format("replication slot \"{}\" is in use by {} on the source", slot, *user))
                .sqlstate(std::string(kObjectInUse))
                .hint("Stop \"walpack run\" first, or end its session with --force.");
        }
        source.execute(
            "SELECT pg_catalog.pg_terminate_backend(active_pid, $2::pg_catalog.int8) "
            "FROM pg_catalog.pg_replication_slots "
            "WHERE slot_name = $1 AND active_pid IS NOT NULL",
            {slot, std::to_string(std::chrono::milliseconds(kReleaseTimeout).count())});
        print(fmt::format("ended {}\n", *user));
    }

    void remove_publication(Connection& source, const std::string& name) const {
        const auto state = read_publication(source, name, config_.pipeline);
        if (!state) {
            print(fmt::format("there is no publication \"{}\"\n", name));
        } else if (!state->is_ours) {
            print(fmt::format("kept publication \"{}\", which init did not make\n", name));
        } else {
            source.execute("DROP PUBLICATION IF EXISTS " + quote_identifier(name));
            print(fmt::format("dropped publication \"{}\"\n", name));
        }
    }

    void clean_target() {
        Progress progress(*target_, config_.pipeline);
        if (progress_) progress.lock(kReleaseTimeout);
        if (const std::size_t pending = PostData(*target_, config_.pipeline).drop()) {
            print(
                fmt::format("kept the tables that init made, without {} that was to come after "
                            "the rows, such as keys and indexes\n",
                            counted(pending, "object")));
        }
        const std::size_t origins =
            ReplicationOrigins::drop(*target_, config_.pipeline, kReleaseTimeout);
        if (origins > 0)
            print(
                fmt::format("dropped {} on the target\n", counted(origins, "replication origin")));
        progress.drop();
        print(fmt::format("{} of pipeline \"{}\" on the target\n",
                          progress_ ? "removed the progress" : "there is no progress",
                          config_.pipeline));
    }

    const Config& config_;
    const bool wants_source_;
    const bool wants_target_;
    const bool ends_consumer_;
    const StopRequest stop_;
    std::unique_ptr<Connection> target_;
    std::optional<ProgressRow> progress_;
    bool is_target_known_ = false;
    bool is_at_work_ = false;  // another session has the pipeline's lock
    bool slot_is_kept_ = false;
    bool is_complete_ = true;
};

// What another pipeline has in the same folder may be nowhere else.
void drop_log(const Config& config) {
    const auto owner = pipeline_of_log(config.log_directory);
    if (owner && *owner != config.pipeline) {
        print(fmt::format("left the log in \"{}\", which is of pipeline \"{}\"\n",
                          config.log_directory, *owner));
    } else if (remove_log(config.log_directory)) {
        print(fmt::format("removed the log in \"{}\"\n", config.log_directory));
    }
}

}  // namespace

int run_drop(const Invocation& invocation) {
    const std::vector<Config> targets = load_configs(invocation.config_path, invocation.flags);
    if (invocation.switches.contains("source-only") &&
        invocation.switches.contains("target-only")) {
        throw Error(ErrorKind::config, "--source-only and --target-only exclude each other")
            .hint("Leave both out to clean both ends.");
    }
    if (targets.size() > 1 && targets.back().only_target.empty())
        Removal(targets.back(), invocation, true).require_free_slot();
    // One of several that is named leaves the slot to the others.
    bool is_complete = true;
    for (const Config& config : targets) {
        const bool is_last = &config == &targets.back() && config.only_target.empty();
        is_complete = Removal(config, invocation, is_last).run() && is_complete;
    }
    const Config& pipeline = targets.front();
    const bool is_given_up =
        is_complete && pipeline.only_target.empty() && !invocation.switches.contains("target-only");
    if (is_given_up) drop_log(pipeline);
    if (is_complete && !pipeline.only_target.empty() &&
        !invocation.switches.contains("target-only"))
        print(
            fmt::format("kept replication slot \"{}\" for the other targets; without any, run "
                        "\"walpack drop\", as it keeps WAL\n",
                        pipeline.slot));
    if (is_complete) return kExitDone;
    throw Error(ErrorKind::connection, "not everything was removed")
        .hint(
            "Run \"walpack drop\" again when the reason is gone; what was removed stays removed. "
            "When an end is gone for good, use --source-only or --target-only.");
}

}  // namespace walpack
