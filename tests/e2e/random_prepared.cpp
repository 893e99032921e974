#include "e2e/random_prepared.h"

#include "support/wait.h"

namespace walpack::e2e {
namespace {

constexpr milliseconds kPause{50};

std::string name_of(int number) {
    return literal("random_" + std::to_string(number));
}

// Accounts behind those that other sessions use: two that come, and two older ones that go.
std::string changes(Random& random, int number) {
    const int id = 1000 + 2 * number;
    std::string sql = "INSERT INTO accounts VALUES (" + std::to_string(id) + ", 7, 'prepared'), (" +
                      std::to_string(id + 1) +
                      ", -7, 'prepared') ON CONFLICT DO NOTHING; "
                      "DELETE FROM accounts WHERE id BETWEEN 1000 AND " +
                      std::to_string(id - 21);
    // Larger than what the server keeps in memory where that is set low.
    if (random.chance(0.3))
        sql +=
            "; INSERT INTO journal SELECT clock_timestamp(), repeat('p', 100) "
            "FROM generate_series(1, 2000)";
    return sql;
}

}  // namespace

RandomPrepared::RandomPrepared(const std::string& conninfo)
    : conninfo_(conninfo + " options='-c lock_timeout=2s'"), thread_([this] { write(); }) {}

void RandomPrepared::stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void RandomPrepared::write() {
    Random random(2000);
    Session session(conninfo_);
    for (int number = 0; !is_stopping_; ++number) {
        if (prepare(session, random, number)) {
            const auto end = Clock::now() + milliseconds(random.between(0, 2000));
            while (Clock::now() < end && !is_stopping_) std::this_thread::sleep_for(kPause);
        }
        // Also where the server has only not answered.
        const bool is_committed = random.chance(0.7);
        while (!has_ended(session, number, is_committed)) std::this_thread::sleep_for(kPause);
    }
}

bool RandomPrepared::prepare(Session& session, Random& random, int number) {
    try {
        session.execute("BEGIN; " + changes(random, number) + "; PREPARE TRANSACTION " +
                        name_of(number));
        return true;
    } catch (const SqlError&) {
        session.disconnect();
        std::this_thread::sleep_for(kPause);
        return false;
    }
}

bool RandomPrepared::has_ended(Session& session, int number, bool is_committed) {
    const std::string name = name_of(number);
    try {
        if (session.number("SELECT count(*) FROM pg_prepared_xacts WHERE gid = " + name) == 0)
            return true;
        session.execute((is_committed ? "COMMIT PREPARED " : "ROLLBACK PREPARED ") + name);
        ++(is_committed ? committed_ : rolled_back_);
        return true;
    } catch (const SqlError&) {
        session.disconnect();
        return false;
    }
}

}  // namespace walpack::e2e
