#include "support/watchdog.h"

#include <cstdio>

#include "support/cluster.h"
#include "support/session.h"

namespace walpack::e2e {
namespace {

struct Question {
    const char* what;
    const char* sql;
};

constexpr Question kQuestions[] = {
    {"sessions",
     "SELECT format('%s %s %s, %s %s since %s, blocked by %s, xid %s, xmin %s: %s', pid, "
     "backend_type, application_name, state, wait_event, state_change, pg_blocking_pids(pid), "
     "backend_xid, backend_xmin, left(query, 300)) FROM pg_stat_activity WHERE pid <> "
     "pg_backend_pid() AND datname IS NOT NULL ORDER BY pid"},
    {"locks that are waited for",
     "SELECT format('%s %s %s %s %s', pid, locktype, mode, relation::regclass, transactionid) "
     "FROM pg_locks WHERE NOT granted ORDER BY pid"},
    {"prepared transactions",
     "SELECT format('%s %s %s', transaction, gid, prepared) FROM pg_prepared_xacts"},
    {"slots",
     "SELECT format('%s active %s restart %s confirmed %s', slot_name, active_pid, restart_lsn, "
     "confirmed_flush_lsn) FROM pg_replication_slots"},
};

constexpr const char* kEndSessions =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND datname IS NOT NULL";

void tell_and_end(const Cluster& cluster) {
    std::printf("--- %s\n", cluster.folder().c_str());
    try {
        Session session(cluster.conninfo("postgres"));
        for (const Question& question : kQuestions) {
            std::printf("%s:\n", question.what);
            for (const Row& row : session.rows(question.sql))
                std::printf("    %s\n", row[0].value_or("").c_str());
        }
        std::printf("sessions that are ended: %s\n", session.value(kEndSessions).c_str());
    } catch (const SqlError& error) {
        std::printf("%s\n", error.what());
    }
    (void)std::fflush(stdout);
}

}  // namespace

void Watchdog::OnTestStart(const ::testing::TestInfo& test) {
    is_over_ = false;
    thread_ = std::thread(
        [this, name = std::string(test.test_suite_name()) + '.' + test.name()] { watch(name); });
}

void Watchdog::watch(const std::string& name) {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, limit_, [this] { return is_over_; })) {
        ADD_FAILURE() << name << " has not ended within " << limit_.count()
                      << " s: what it waits for is ended";
        visit_shared_clusters(tell_and_end);
    }
}

void Watchdog::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

}  // namespace walpack::e2e
