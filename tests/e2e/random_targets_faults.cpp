// RandomTargets: faults of what it stands on, and how each ends.
#include <algorithm>
#include <csignal>

#include "e2e/random_faults.h"
#include "e2e/random_targets.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

constexpr const char* kOfService =
    " FROM pg_stat_activity WHERE application_name LIKE 'walpack%' AND datname = ";

// Both rows are written by most transactions.
std::string lock_vault(Random& random) {
    const std::string first = random.chance(0.5) ? "1" : "2";
    const std::string second = first == "1" ? "2" : "1";
    return "SET deadlock_timeout = '10s'; BEGIN; SELECT FROM vault WHERE id = " + first +
           " FOR UPDATE; SELECT pg_sleep(0.02); SELECT FROM vault WHERE id = " + second +
           " FOR UPDATE; ROLLBACK";
}

}  // namespace

std::vector<RandomTargets::Kind> RandomTargets::kinds() const {
    std::vector<Kind> all = {
        {"consumer killed", &RandomTargets::kill_service},
        {"consumer stopped", &RandomTargets::stop_service},
        {"configuration reloaded", &RandomTargets::reload_service},
        {"consumer suspended", &RandomTargets::suspend_service},
        {"clock jumped", &RandomTargets::jump_clock},
        {"source crashed", &RandomTargets::crash_source},
        {"targets crashed", &RandomTargets::crash_targets},
        {"sessions ended", &RandomTargets::end_sessions},
        {"backends suspended", &RandomTargets::suspend_backends},
        {"walsender suspended", &RandomTargets::suspend_walsender},
        {"line cut", &RandomTargets::cut_line},
        {"line frozen", &RandomTargets::freeze_line},
        {"rows locked", &RandomTargets::lock_rows},
        {"rows locked backwards", &RandomTargets::lock_backwards},
        {"target away", &RandomTargets::close_target},
        {"target left and joined", &RandomTargets::leave_target},
        {"table copied again", &RandomTargets::copy_again},
        {"large transaction", &RandomTargets::write_large},
        {"rows refused", &RandomTargets::refuse_rows},
        {"row refused for ever", &RandomTargets::refuse_for_ever},
        {"rows changed locally", &RandomTargets::change_locally},
    };
    // Not where mounting is not permitted.
    if (log_disk_) all.push_back({"log disk full", &RandomTargets::fill_log_disk});
    if (target_disk_) all.push_back({"target disk full", &RandomTargets::fill_target_disk});
    return all;
}

// ---- the consumer

bool RandomTargets::kill_service() {
    service_->kill();
    choose_settings();
    service_->start();
    return true;
}

bool RandomTargets::stop_service() {
    if (is_open("consumer suspended")) return false;
    EXPECT_EQ(service_->terminate(), 0) << "the consumer did not stop";
    choose_settings();
    service_->start();
    return true;
}

bool RandomTargets::reload_service() {
    for (const auto& target : targets_) target->choose_settings(random_);
    write_entries();
    hang_up();
    return true;
}

bool RandomTargets::suspend_service() {
    const pid_t pid = service_->pid();
    ::kill(pid, SIGSTOP);
    open({.name = "consumer suspended",
          .is_silent = true,
          .until = Clock::now() + short_time(),
          .end = [this, pid] {
              if (service_->is_running() && service_->pid() == pid) ::kill(pid, SIGCONT);
              return true;
          }});
    return true;
}

bool RandomTargets::jump_clock() {
    static const std::vector<std::string> jumps = {"86400", "-86400", "7", "-7", "0"};
    set_clock(random_.pick(jumps));
    return true;
}

// ---- servers

bool RandomTargets::crash_source() {
    if (is_open("source crashed")) return false;
    source_cluster().crash();
    open({.name = "source crashed",
          .is_silent = true,
          .until = Clock::now() + short_time(),
          .end = [] {
              source_cluster().start();
              return true;
          }});
    return true;
}

// Not while a disk is full that recovery would need.
bool RandomTargets::crash_targets() {
    if (is_open("targets crashed") || is_open("target disk full")) return false;
    target_cluster().crash();
    open({.name = "targets crashed",
          .is_silent = true,
          .until = Clock::now() + short_time(),
          .end = [] {
              target_cluster().start();
              return true;
          }});
    return true;
}

bool RandomTargets::end_sessions() {
    RandomTarget* target = pick();
    Session& server = target == nullptr || random_.chance(0.4) ? source() : target->session();
    end_backends(server);
    return true;
}

// Nothing else may be asked meanwhile: a process may hold what all others need.
void RandomTargets::suspend(const std::vector<Row>& pids) {
    const auto signal_all = [&pids](int signal) {
        for (const Row& row : pids) ::kill(static_cast<pid_t>(std::stoi(*row[0])), signal);
    };
    signal_all(SIGSTOP);
    std::this_thread::sleep_for(short_time());
    signal_all(SIGCONT);
}

bool RandomTargets::suspend_backends() {
    RandomTarget* target = pick();
    if (target == nullptr) return false;
    const auto pids =
        target->admin().rows("SELECT pid" + (kOfService + literal(target->database())));
    suspend(pids);
    return !pids.empty();
}

bool RandomTargets::suspend_walsender() {
    const auto pids =
        source().rows("SELECT active_pid FROM pg_replication_slots WHERE active AND slot_name = " +
                      literal(slot()));
    suspend(pids);
    return !pids.empty();
}

// ---- lines

bool RandomTargets::cut_line() {
    RandomTarget* target = pick();
    (target == nullptr || random_.chance(0.4) ? *to_source_ : target->line()).cut();
    return true;
}

bool RandomTargets::freeze_line() {
    if (is_open("line frozen")) return false;
    RandomTarget* target = random_.chance(0.4) ? nullptr : pick();
    Proxy& line = target == nullptr ? *to_source_ : target->line();
    line.freeze(true);
    open({.name = "line frozen",
          .of = target,
          .is_silent = true,
          .until = Clock::now() + (target == nullptr ? short_time() : long_time()),
          .end = [&line] {
              line.freeze(false);
              return true;
          }});
    return true;
}

// ---- other sessions of a target

bool RandomTargets::lock_rows() {
    RandomTarget* target = pick([](const RandomTarget& one) { return one.has("everything"); });
    if (target == nullptr || is_open("rows locked")) return false;
    const auto session = std::make_shared<Session>(target->conninfo());
    session->execute("SET lock_timeout = '2s'; BEGIN; LOCK TABLE everything IN EXCLUSIVE MODE");
    open({.name = "rows locked",
          .of = target,
          .is_silent = true,
          .until = Clock::now() + (random_.chance(0.3) ? long_time() : short_time()),
          .end = [session] {
              session->disconnect();
              return true;
          }});
    return true;
}

// Until a deadlock has come of it, or for a while: walpack's session is the one that notices.
bool RandomTargets::lock_backwards() {
    RandomTarget* target = pick([](const RandomTarget& one) { return one.has("vault"); });
    if (target == nullptr || is_open("rows locked backwards")) return false;
    const auto local = std::make_shared<Writers>(target->conninfo(), 1, lock_vault);
    const std::size_t log_from = service_->log().size();
    open({.name = "rows locked backwards",
          .of = target,
          .until = Clock::now() + std::chrono::seconds(1),
          .end = [this, local, log_from, last = Clock::now() + std::chrono::seconds(8)] {
              if (service_->log().find("deadlock detected", log_from) == std::string::npos &&
                  Clock::now() < last)
                  return false;
              (void)local->stop();
              return true;
          }});
    return true;
}

// ---- targets that are not there

bool RandomTargets::close_target() {
    RandomTarget* target = pick();
    if (target == nullptr || is_open("target away")) return false;
    target->admin().execute("ALTER DATABASE " + target->database() + " ALLOW_CONNECTIONS false");
    open({.name = "target away",
          .of = target,
          .is_silent = true,
          .until = Clock::now() + long_time(),
          .end = [target] {
              target->admin().execute("ALTER DATABASE " + target->database() +
                                      " ALLOW_CONNECTIONS true");
              return true;
          }});
    target->admin().execute("SELECT pg_terminate_backend(pid)" +
                            (kOfService + literal(target->database())));
    return true;
}

// As the documents say: out of the file, SIGHUP, drop with the file as it was; empty, and new.
bool RandomTargets::leave_target() {
    RandomTarget* target = pick([this](const RandomTarget& one) { return is_reachable(one); });
    const auto is_of_it = [target](const OpenFault& fault) { return fault.of == target; };
    if (target == nullptr || !are_all_in() || is_open("row refused for ever") ||
        std::ranges::any_of(open_, is_of_it))
        return false;
    left_ = target;
    write_entries();
    if (random_.chance(0.5)) {
        hang_up();
    } else {
        service_->kill();
        service_->start();
    }
    wait_until("the target is left alone", seconds(20), [&] {
        return target->admin().number("SELECT count(*)" +
                                      (kOfService + literal(target->database()))) == 0;
    });
    Consumer before({{"pipeline", toml_text(pipeline())},
                     {"source", toml_text(source_conninfo())},
                     {"log_directory", toml_text(log_directory())}});
    before.set_more(target->entry());
    const Finished dropped = before.command("drop", {"--only-target", target->name()});
    EXPECT_EQ(dropped.status, 0) << dropped.output;
    EXPECT_EQ(target->clear(), std::nullopt);
    open({.name = "target left and joined",
          .of = target,
          .until = Clock::now() + short_time(),
          .end = [this, target, has_come = false]() mutable { return join(*target, has_come); }});
    return true;
}

bool RandomTargets::join(RandomTarget& target, bool& has_come) {
    if (!has_come) {
        left_ = nullptr;
        write_entries();
        if (is_open("source crashed") || is_open("targets crashed") || is_open("line frozen"))
            return false;
        const Finished made = command("init", target);
        if (made.status != 0) note("init: " + made.output);
        if (made.status != 0) return false;
        has_come = true;
        hang_up();
    }
    if (!target.is_copied(pipeline())) return false;
    target.settle();
    return true;
}

// Refused while rows of it are held.
bool RandomTargets::copy_again() {
    static const std::vector<std::string> tables = {"bag",   "by_index", "everything", "large",
                                                    "plain", "swap",     "toasted"};
    const std::string table = random_.pick(tables);
    RandomTarget* target = pick([&](const RandomTarget& one) { return one.has(table); });
    if (target == nullptr || !is_reachable(*target)) return false;
    return command("recopy", *target, {"public." + table}).status == 0;
}

// ---- disks

bool RandomTargets::fill_log_disk() {
    if (is_open("log disk full")) return false;
    log_disk_->fill();
    open({.name = "log disk full", .until = Clock::now() + long_time(), .end = [this] {
              log_disk_->make_room();
              return true;
          }});
    return true;
}

bool RandomTargets::fill_target_disk() {
    RandomTarget* target = pick([](const RandomTarget& one) { return one.disk() != nullptr; });
    if (target == nullptr || is_open("target disk full") || is_open("targets crashed"))
        return false;
    target->session().execute("VACUUM narrow");
    target_disk_->fill();
    open({.name = "target disk full",
          .of = target,
          .until = Clock::now() + short_time(),
          .end = [this] {
              target_disk_->make_room();
              return true;
          }});
    source().execute(
        "WITH gone AS (DELETE FROM narrow) INSERT INTO narrow (v) SELECT repeat('x', 500) FROM "
        "generate_series(1, 1500)");
    return true;
}

}  // namespace walpack::e2e
