#include "cli/preflight.h"

#include <memory>
#include <string>

#include "base/error.h"
#include "cli/plugin_checks.h"
#include "cli/publication_checks.h"
#include "cli/source_checks.h"
#include "cli/structure_checks.h"
#include "cli/table_checks.h"
#include "cli/target_checks.h"
#include "pg/connection.h"
#include "service/conflict_setup.h"

namespace walpack {
namespace {

// One run over both ends; an end that cannot be reached is a finding, and the other is still
// checked.
class Examination {
  public:
    Examination(const Config& config, const StopRequest& stop) : config_(config), stop_(stop) {}

    Preflight run() {
        source_ = connect(End::source, config_.source);
        target_ = connect(End::target, config_.target);
        // The target's progress says what is still to be made and copied.
        if (target_) examine_target();
        if (source_) examine_source();
        if (source_ && target_) examine_both();
        return std::move(preflight_);
    }

  private:
    std::unique_ptr<Connection> connect(End end, const Conninfo& conninfo) {
        std::unique_ptr<Connection> connection;
        findings().check(end, "connection", [&] {
            connection = std::make_unique<Connection>(conninfo, stop_,
                                                      "walpack_" + config_.pipeline + "_check");
            // One end may have to wait for the other.
            connection->execute(
                "SET search_path = pg_catalog; SET idle_session_timeout = 0; "
                "SET statement_timeout = 0");
            findings().ok(end, "connected to " + connection->description());
        });
        return connection;
    }

    void examine_target() {
        findings().check(End::target, "server",
                         [this] { check_target_server(*target_, preflight_); });
        findings().check(End::target, "schema walpack",
                         [this] { check_progress(*target_, config_, preflight_); });
        findings().check(End::target, "session_replication_role",
                         [this] { check_replica_role(*target_, preflight_); });
        findings().check(End::target, "policies for conflicts",
                         [this] { require_for_conflicts(*target_, config_); });
    }

    void examine_source() {
        const std::size_t problems = findings().problem_count();
        findings().check(End::source, "server",
                         [this] { check_source_server(*source_, preflight_); });
        findings().check(End::source, "replication",
                         [this] { check_replication_right(*source_, config_, stop_, preflight_); });
        findings().check(End::source, "replication slots",
                         [this] { check_slot_room(*source_, config_, preflight_); });
        // Without what was checked so far, no slot can be made, whatever the plugin.
        if (findings().problem_count() == problems) {
            findings().check(End::source, "output plugin",
                             [this] { check_plugin(*source_, config_, stop_, preflight_); });
        }
        findings().check(End::source, "publications",
                         [this] { check_publications(*source_, config_, preflight_); });
        findings().check(End::source, "published tables",
                         [this] { check_published_tables(*source_, config_, preflight_); });
        findings().check(End::source, "contents",
                         [this] { note_what_is_not_replicated(*source_, preflight_); });
    }

    void examine_both() {
        check_slot_fits_progress(config_, preflight_);
        check_progress_fits_source(config_, preflight_);
        bool are_different = false;
        findings().check(End::target, "comparison with the source", [this, &are_different] {
            are_different = check_both_ends(*source_, *target_, preflight_);
        });
        if (!are_different) return;
        findings().check(End::target, "tables",
                         [this] { check_target_tables(*source_, *target_, config_, preflight_); });
        findings().check(End::source, "structure of missing tables", [this] {
            check_structure_transfer(*source_, *target_, config_, stop_, preflight_);
        });
    }

    Findings& findings() { return preflight_.findings; }

    const Config& config_;
    const StopRequest& stop_;
    Preflight preflight_;
    std::unique_ptr<Connection> source_;
    std::unique_ptr<Connection> target_;
};

}  // namespace

Preflight run_preflight(const Config& config, const StopRequest& stop) {
    return Examination(config, stop).run();
}

}  // namespace walpack
