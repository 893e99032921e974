#include "e2e/random_workload.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "e2e/random_schema.h"
#include "support/wait.h"

namespace walpack::e2e {
namespace {

std::string text(std::int64_t number) {
    return std::to_string(number);
}
std::string key(Random& random, int max) {
    return text(random.between(1, max));
}

// The sum over accounts and vault stays; rows come, go and change their keys.
std::string move_money(Random& random) {
    const std::string from = key(random, 100);
    const std::string to = key(random, 100);
    const std::string amount = text(random.between(1, 50));
    switch (random.between(0, 4)) {
        case 0:
            return "UPDATE vault SET amount = amount + " + amount +
                   " WHERE id = 1; "
                   "UPDATE vault SET amount = amount - " +
                   amount + " WHERE id = 2";
        case 1:
            return "WITH gone AS (DELETE FROM accounts WHERE id = " + from +
                   " RETURNING balance) UPDATE vault SET amount = amount + "
                   "coalesce((SELECT sum(balance) FROM gone), 0) WHERE id = 1";
        case 2:
            return "INSERT INTO accounts VALUES (" + from + ", " + amount +
                   ", 'again') "
                   "ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + " +
                   amount + "; UPDATE vault SET amount = amount - " + amount + " WHERE id = 2";
        case 3:
            return "UPDATE accounts SET id = " + to + ", note = 'moved' WHERE id = " + from +
                   " AND NOT EXISTS (SELECT FROM accounts WHERE id = " + to + ")";
        default:
            return "WITH took AS (UPDATE accounts SET balance = balance - " + amount +
                   " WHERE id = " + from + " RETURNING 1) UPDATE vault SET amount = amount + " +
                   amount + " * (SELECT count(*) FROM took) WHERE id = 2";
    }
}

// Three steps through a free value, for the key and for a second unique column.
std::string swap_keys(Random& random) {
    const std::string a = key(random, 60);
    const std::string b = key(random, 60);
    if (a == b) return "UPDATE swap SET t = t || '.' WHERE id = " + a;
    const std::string column = random.chance(0.5) ? "id" : "place";
    const std::string set = "UPDATE swap SET " + column + " = ";
    const std::string where = " WHERE " + column + " = ";
    const std::string free = "-" + text(random.between(1, 1'000'000));
    return set + free + where + a + "; " + set + a + where + b + "; " + set + b + where + free;
}

std::string change_everything(Random& random) {
    const auto& columns = typed_columns();
    const std::string id = key(random, 150);
    if (random.chance(0.25)) return "DELETE FROM everything WHERE id = " + id;
    if (random.chance(0.5)) {
        std::string values = id;
        for (const TypedColumn& column : columns) values += ", " + random_value(column, random);
        return "INSERT INTO everything VALUES (" + values + ") ON CONFLICT (id) DO NOTHING";
    }
    std::string set;
    for (int i = 0; i < 4; ++i) {
        const TypedColumn& column = random.pick(columns);
        if (set.find(column.name + " =") != std::string::npos) continue;
        set += (set.empty() ? "" : ", ") + column.name + " = " + random_value(column, random);
    }
    return "UPDATE everything SET " + set + " WHERE id = " + id;
}

// One of several equal rows: which one does not matter, but that it is exactly one.
std::string change_bag(Random& random) {
    static const std::vector<std::string> numbers = {"1.0", "1.00", "NULL", "'NaN'", "2"};
    static const std::vector<std::string> floats = {"'-0'", "0", "'NaN'", "NULL", "0.1"};
    const std::string one =
        " WHERE ctid = (SELECT ctid FROM bag LIMIT 1 OFFSET " + text(random.between(0, 30)) + ")";
    switch (random.between(0, 4)) {
        case 0:
            return "DELETE FROM bag" + one;
        case 1:
            return "UPDATE bag SET amount = " + random.pick(numbers) + one;
        case 2:
            return "UPDATE bag SET f = " + random.pick(floats) + ", t = NULL" + one;
        case 3:
            return "UPDATE bag SET j = '{\"a\": 1.0}', n = n" + one;
        default:
            return "INSERT INTO bag SELECT " + key(random, 3) + ", " + random.pick(numbers) +
                   ", 'equal', " + random.pick(floats) +
                   ", '{\"a\": 1}', '2020-01-01' FROM generate_series(1, 3) "
                   "WHERE (SELECT count(*) FROM bag) < 200";
    }
}

// Large values, written seldom and left unchanged often.
std::string change_toast(Random& random) {
    const std::string id = key(random, 30);
    if (random.chance(0.6)) return "UPDATE toasted SET counter = counter + 1 WHERE id = " + id;
    if (random.chance(0.2))
        return "UPDATE toasted SET id = -id WHERE id IN (-" + id + ", " + id + ")";
    const std::string length = random.chance(0.05) ? "40000" : text(random.between(0, 300));
    if (random.chance(0.5)) {
        return "UPDATE toasted SET doc = repeat(md5(" + id + "::text || counter), " + length +
               ") WHERE id = " + id;
    }
    return "INSERT INTO toasted VALUES (" + id + ", 1, repeat('d', " + length +
           "), "
           "jsonb_build_object('k', repeat('j', 5000))) ON CONFLICT (id) DO UPDATE SET extra = "
           "excluded.extra";
}

std::string change_identities(Random& random) {
    const std::string id = key(random, 60);
    const std::string other = key(random, 60);
    switch (random.between(0, 6)) {
        case 0:
            return "UPDATE by_index SET v = v || 'x' WHERE id = " + id;
        case 1:
            return "UPDATE by_index SET b = b || '.', a = a + 1 WHERE id = " + id;
        case 2:
            return "DELETE FROM by_index WHERE id = " + id;
        case 3:
            return "INSERT INTO by_index VALUES (" + id + ", " + other + ", 'b" + id +
                   "', NULL) ON CONFLICT DO NOTHING";
        case 4:
            return "UPDATE full_key SET v = '" + other + "', n = n / 3 WHERE id = " + id;
        case 5:
            return "UPDATE full_key SET id = " + other + " WHERE id = " + id +
                   " AND NOT EXISTS (SELECT FROM full_key WHERE id = " + other + ")";
        default:
            return random.chance(0.5)
                       ? "DELETE FROM full_key WHERE id = " + id
                       : "INSERT INTO full_key VALUES (" + id + ", NULL, 1.50, repeat(md5('" +
                             other + "'), 200)) ON CONFLICT DO NOTHING";
    }
}

std::string change_family(Random& random) {
    const std::string id = key(random, 20);
    switch (random.between(0, 9)) {
        case 0:
            return "DELETE FROM child WHERE parent_id = " + id +
                   "; DELETE FROM parent WHERE id = " + id;
        case 1:
            return "INSERT INTO parent VALUES (" + id +
                   ", 'new') ON CONFLICT DO NOTHING; "
                   "INSERT INTO child (parent_id, v) VALUES (" +
                   id + ", 'new')";
        case 2:
            if (random.chance(0.1)) return "TRUNCATE parent RESTART IDENTITY CASCADE";
            return "INSERT INTO parent SELECT g, 'many' FROM generate_series(1, 20) g "
                   "ON CONFLICT DO NOTHING";
        case 3:
            return random.chance(0.1) ? "TRUNCATE journal, child" : "SELECT 1";
        case 4:
            return "UPDATE part SET k = 3 - k WHERE id = " + id;
        case 5:
            return "DELETE FROM part WHERE id = " + id;
        case 6:
            return "INSERT INTO part VALUES (" + id + ", " + key(random, 2) +
                   ", 'p') ON CONFLICT DO NOTHING";
        case 7:
            return "INSERT INTO journal SELECT clock_timestamp(), 'j' || g "
                   "FROM generate_series(1, 5) g";
        case 8:
            return "UPDATE \"Näme \"\"q\"\" 😀\" SET \"a.b;--\" = ARRAY['" + id +
                   "', NULL, 'x;y'] WHERE \"Kéy 🔑\" = " + id;
        default:
            return "UPDATE \"Näme \"\"q\"\" 😀\" SET \"select\" = 'k''" + key(random, 999) +
                   "' WHERE \"Kéy 🔑\" = " + id;
    }
}

// Integrity violations, check violations of a domain, deadlocks, lock timeouts, cancelled.
bool is_expected(const SqlError& error) {
    static const std::set<std::string> states = {"40P01", "40001", "55P03", "57014"};
    return error.is_lost_connection() || error.sqlstate().starts_with("23") ||
           states.contains(error.sqlstate());
}

}  // namespace

std::string random_change(Random& random) {
    static constexpr std::array<std::string (*)(Random&), 7> kChanges = {
        move_money,   swap_keys,         change_everything, change_bag,
        change_toast, change_identities, change_family,
    };
    return kChanges[static_cast<std::size_t>(random.between(0, kChanges.size() - 1))](random);
}

std::chrono::seconds soak_time(int shares, std::chrono::seconds least) {
    const char* given = std::getenv("WALPACK_SOAK_SECONDS");
    if (given == nullptr) return least;
    const bool is_alone = ::testing::UnitTest::GetInstance()->test_to_run_count() == 1;
    return std::max(std::chrono::seconds(std::atoi(given) / (is_alone ? 1 : shares)), least);
}

RandomWorkload::RandomWorkload(const std::string& conninfo, int sessions, Change change)
    : conninfo_(conninfo), change_(change) {
    for (int i = 0; i < sessions; ++i) {
        threads_.emplace_back([this, i] { write(Random(static_cast<std::uint64_t>(1000 + i))); });
    }
}

RandomWorkload::~RandomWorkload() {
    (void)stop();
}

std::string RandomWorkload::stop() {
    is_stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return failure_;
}

void RandomWorkload::write(Random random) {
    Session session(conninfo_ + " options='-c lock_timeout=2s -c deadlock_timeout=100ms'");
    while (!is_stopping_) {
        try {
            run_transaction(session, random);
        } catch (const SqlError& error) {
            ++refused_;
            if (!is_expected(error) && !has_failed_.exchange(true)) failure_ = error.what();
            session.disconnect();
            if (error.is_lost_connection()) std::this_thread::sleep_for(milliseconds(50));
        }
    }
}

void RandomWorkload::run_transaction(Session& session, Random& random) {
    std::string sql = "BEGIN; ";
    const std::int64_t changes = random.between(1, 8);
    for (std::int64_t i = 0; i < changes; ++i) {
        const bool is_undone = random.chance(0.15);
        const bool is_subtransaction = is_undone || random.chance(0.15);
        if (is_subtransaction) sql += "SAVEPOINT s; ";
        sql += change_(random) + "; ";
        if (is_undone) sql += "ROLLBACK TO s; ";
        if (is_subtransaction) sql += "RELEASE s; ";
    }
    const bool is_committed = random.chance(0.92);
    session.execute(sql + (is_committed ? "COMMIT" : "ROLLBACK"));
    if (is_committed) ++committed_;
}

}  // namespace walpack::e2e
