#include "e2e/random_targets.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "e2e/random_faults.h"
#include "e2e/random_refusals.h"
#include "e2e/random_schema.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

constexpr std::size_t kShownMax = 20'000;

}  // namespace

bool RandomTargets::is_long() const {
    return std::getenv("WALPACK_SOAK_SECONDS") != nullptr;
}

milliseconds RandomTargets::long_time() {
    return milliseconds(is_long() ? random_.between(2000, 12000) : random_.between(1000, 4000));
}

void RandomTargets::SetUp() {
    Scenario::SetUp();
    source().execute(random_tables());
    source().execute(std::string(kUserTables) + "; " + kStockTable +
                     "; CREATE TABLE refused (id int PRIMARY KEY, v text); "
                     "CREATE TABLE narrow (id bigserial PRIMARY KEY, v text)");
    source().execute(kRandomRows);
    source().execute(
        "INSERT INTO stock SELECT g, g, 'old' FROM generate_series(1, 150) g; "
        "ALTER DATABASE " +
        source_database() + " SET logical_decoding_work_mem = '64kB'");
    if (random_.chance(0.5) || is_long()) {
        standby_.emplace("standby_" + pipeline(), source_cluster());
        // Its checkpoints know nothing of the slot that it will have.
        Session standby(standby_->conninfo("postgres"));
        standby.execute("ALTER SYSTEM SET wal_keep_size = '4GB'");
        standby.execute("SELECT pg_reload_conf()");
    }

    std::string name = "a";
    for (TargetTraits& traits : random_traits(random_)) {
        targets_.push_back(std::make_unique<RandomTarget>(name, target_database() + "_" + name,
                                                          std::move(traits)));
        ++name[0];
    }
    log_disk_ = std::make_unique<SmallDisk>(32);
    target_disk_ = std::make_unique<SmallDisk>(16);
    if (log_disk_->is_mounted()) {
        set_log_directory(log_disk_->folder() + "/log");
    } else {
        log_disk_.reset();
    }
    if (target_disk_->is_mounted()) {
        const auto has_it = [](const auto& target) { return target->has("narrow"); };
        (*std::ranges::find_if(targets_, has_it))->set_disk(*target_disk_);
    } else {
        target_disk_.reset();
    }

    clock_ = new_scratch_path("clock");
    set_clock("0");
    service_ = std::make_unique<Consumer>(
        std::map<std::string, std::string>{{"pipeline", toml_text(pipeline())},
                                           {"source", toml_text(source_of_service())},
                                           {"retry_delay_max", "\"300ms\""},
                                           {"stopped_retry_delay", "\"300ms\""},
                                           {"log_directory", toml_text(log_directory())}});
    service_->set_environment("LD_PRELOAD", WALPACK_CLOCK_JUMP);
    service_->set_environment("ASAN_OPTIONS", "verify_asan_link_order=0");
    service_->set_environment("WALPACK_TEST_CLOCK", clock_);
}

void RandomTargets::TearDown() {
    if (HasFailure()) show();
    if (!promoted_) start_servers();
    workload_.reset();
    refusable_workload_.reset();
    prepared_.reset();
    service_.reset();
    open_.clear();
    targets_.clear();
    promoted_.reset();
    standby_.reset();
    start_servers();
    Scenario::TearDown();
}

void RandomTargets::start_servers() {
    for (Cluster* cluster : {&source_cluster(), &target_cluster()})
        if (!Session(cluster->conninfo("postgres")).try_execute("SELECT 1")) cluster->start();
}

// What was done to it, and what it said.
void RandomTargets::show() const {
    for (const std::string& event : events_) std::printf("%s\n", event.c_str());
    const std::string log = service_->log();
    const std::size_t from = log.size() > kShownMax ? log.size() - kShownMax : 0;
    std::printf("--- log of the consumer\n%s---\n", log.substr(from).c_str());
}

void RandomTargets::note(const std::string& event) {
    const std::chrono::duration<double> since = Clock::now() - begun_;
    char time[32];
    std::snprintf(time, sizeof time, "%9.3f ", since.count());
    events_.push_back(time + event);
}

// ---- what is shared by the faults

void RandomTargets::choose_settings() {
    choose_stream_settings(*service_, random_);
    service_->set("receive_timeout", random_.chance(0.3) ? "\"3s\"" : "\"1min\"");
    for (const auto& target : targets_) target->choose_settings(random_);
    write_entries();
}

void RandomTargets::write_entries() {
    std::string entries;
    for (const auto& target : targets_)
        if (target.get() != left_) entries += target->entry();
    service_->set_more(entries);
}

void RandomTargets::hang_up() {
    ::kill(service_->pid(), SIGHUP);
}

// Replaced at once, as it may be read at any moment.
void RandomTargets::set_clock(const std::string& seconds) {
    const std::string next = clock_ + ".next";
    std::ofstream(next) << seconds;
    std::rename(next.c_str(), clock_.c_str());
}

std::string RandomTargets::source_of_service() const {
    std::string hosts = "host=127.0.0.1";
    std::string ports = " port=" + std::to_string(to_source_->port());
    if (standby_) hosts += ",127.0.0.1";
    if (standby_) ports += "," + std::to_string(standby_->port());
    return hosts + ports + " user=postgres dbname=" + source_database();
}

std::string RandomTargets::primary_conninfo() const {
    return promoted_ ? standby_->conninfo(source_database()) : source_conninfo();
}

Session& RandomTargets::primary() {
    return promoted_ ? *promoted_ : source();
}

Finished RandomTargets::command(const std::string& name, const RandomTarget& target,
                                std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--only-target", target.name()});
    return service_->command(name, flags);
}

// Not what a server refuses at the moment: it is away, or what is locked is waited for too long.
bool RandomTargets::attempt(const std::function<bool()>& step) {
    try {
        return step();
    } catch (const SqlError& error) {
        static const std::set<std::string> busy = {"40P01", "55P03", "57014"};
        if (!error.is_lost_connection() && !busy.contains(error.sqlstate())) throw;
        note(std::string("not now: ") + error.what());
        return false;
    }
}

void RandomTargets::open(OpenFault fault) {
    open_.push_back(std::move(fault));
}

bool RandomTargets::is_open(const std::string& name) const {
    return std::ranges::any_of(open_, [&](const OpenFault& fault) { return fault.name == name; });
}

bool RandomTargets::is_reachable(const RandomTarget& target) const {
    return target.is_settled() && std::ranges::none_of(open_, [&](const OpenFault& fault) {
               return fault.is_silent && (fault.of == nullptr || fault.of == &target);
           });
}

bool RandomTargets::are_all_in() const {
    return std::ranges::all_of(targets_, [](const auto& target) { return target->is_settled(); });
}

RandomTarget* RandomTargets::pick(const std::function<bool(const RandomTarget&)>& fits) {
    std::vector<RandomTarget*> possible;
    for (const auto& target : targets_)
        if (target->is_settled() && fits(*target)) possible.push_back(target.get());
    return possible.empty() ? nullptr : random_.pick(possible);
}

RandomTarget* RandomTargets::pick() {
    return pick([](const RandomTarget&) { return true; });
}

}  // namespace walpack::e2e
