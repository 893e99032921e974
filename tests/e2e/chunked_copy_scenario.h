// Tables of many tiny chunks, and sessions that move rows among them while they are copied.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/random.h"
#include "support/scenario.h"

namespace walpack::e2e {

inline constexpr int kRows = 4000;
inline constexpr int kSessions = 3;

// A value that is stored out of line, and so is missing from an update that leaves it alone.
inline constexpr const char* kToasted =
    "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 90))";

inline const std::vector<std::string> kTables = {"by_int", "by_uuid", "by_pair", "full", "keyless"};

class ChunkedCopy : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE by_int (id bigint PRIMARY KEY, n int, big text); "
            "ALTER TABLE by_int ALTER big SET STORAGE EXTERNAL; "
            "CREATE TABLE by_uuid (id uuid PRIMARY KEY, n int, big text); "
            "CREATE TABLE by_pair (id int, part int, n int, big text, PRIMARY KEY (id, part)); "
            "CREATE TABLE \"full\" (id int PRIMARY KEY, n int, big text); "
            "ALTER TABLE \"full\" REPLICA IDENTITY FULL; "
            "CREATE TABLE keyless (id int, n int, big text); "
            "ALTER TABLE keyless REPLICA IDENTITY FULL");
        const std::string rows = std::to_string(kRows);
        const std::string big = kToasted;
        source().execute(
            "INSERT INTO by_int SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " + big +
            " ELSE repeat('x', 100) END FROM generate_series(1, " + rows +
            ") g; "
            "INSERT INTO by_uuid SELECT md5(g::text)::uuid, g, repeat('y', 100) "
            "FROM generate_series(1, " +
            rows +
            ") g; "
            "INSERT INTO by_pair SELECT g / 4, g % 4, g, repeat('z', 100) "
            "FROM generate_series(1, " +
            rows +
            ") g; "
            "INSERT INTO \"full\" SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " +
            big + " END FROM generate_series(1, " + rows +
            ") g; "
            "INSERT INTO keyless SELECT g, g, repeat('k', 100) FROM generate_series(1, " +
            rows + ") g; ANALYZE");
        consumer().set("copy_chunk_bytes", "65536");
    }

    std::int64_t loaded_chunks() {
        if (target().value("SELECT to_regclass('walpack.copy_chunk')").empty()) return 0;
        return target().number(
            "SELECT count(*) FROM walpack.copy_chunk WHERE snapshot IS NOT NULL");
    }
};

// Sessions that change rows everywhere, and move some to another chunk.
class Movers {
  public:
    explicit Movers(const std::string& conninfo) : conninfo_(conninfo) {
        for (int i = 0; i < kSessions; ++i) threads_.emplace_back([this, i] { run(i); });
    }
    ~Movers() { (void)stop(); }
    Movers(const Movers&) = delete;
    Movers& operator=(const Movers&) = delete;

    std::string stop() {
        is_stopping_ = true;
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
        return failure_;
    }
    std::int64_t committed() const { return committed_; }

  private:
    void run(int number) {
        Random random(100 + static_cast<std::uint64_t>(number));
        Session session(conninfo_);
        while (!is_stopping_) {
            try {
                if (random.chance(0.05)) {
                    prepare(session, random, number);
                } else {
                    session.execute(transaction(random) +
                                    (random.chance(0.9) ? "COMMIT" : "ROLLBACK"));
                }
                ++committed_;
            } catch (const SqlError& error) {
                // Two sessions may choose the same key, or wait for one another.
                const bool is_expected = error.sqlstate() == "23505" || error.sqlstate() == "40P01";
                if (!is_expected && !error.is_lost_connection()) {
                    failure_ = error.what();
                    return;
                }
                if (!error.is_lost_connection()) roll_back(session);
            }
        }
    }

    static void roll_back(Session& session) {
        try {
            session.execute("ROLLBACK");
        } catch (const SqlError& error) {
            if (!error.is_lost_connection()) throw;
        }
    }

    static std::string row(Random& random) { return std::to_string(random.between(1, kRows * 10)); }

    static std::string change(Random& random) {
        const std::string table = identifier(random.pick(kTables));
        const std::string id = row(random);
        if (table == "\"by_uuid\"") {
            const std::string key = "md5('" + std::to_string(random.between(1, kRows)) + "')::uuid";
            const std::string other = "md5('" + row(random) + "m')::uuid";
            if (random.chance(0.3))
                return "UPDATE by_uuid SET id = " + other + " WHERE id = " + key + "; ";
            if (random.chance(0.3)) return "DELETE FROM by_uuid WHERE id = " + key + "; ";
            return "UPDATE by_uuid SET n = n + 1 WHERE id = " + key + "; ";
        }
        const std::string where =
            " WHERE id = (SELECT id FROM " + table + " WHERE id >= " + id + " ORDER BY id LIMIT 1)";
        switch (random.between(0, 5)) {
            case 0:
                return "DELETE FROM " + table + where + "; ";
            case 1:
            case 2:  // into some other chunk
                return "UPDATE " + table + " SET id = " + row(random) + where + "; ";
            case 3:
                if (table == "\"by_pair\"")
                    return "INSERT INTO by_pair VALUES (" + id + ", " +
                           std::to_string(random.between(5, 50)) + ", 0, 'new'); ";
                return "INSERT INTO " + table + " VALUES (" + id + ", 0, " +
                       (random.chance(0.3) ? kToasted : "'new'") + "); ";
            default:
                return "UPDATE " + table + " SET n = n + 1" + where + "; ";
        }
    }

    std::string transaction(Random& random) {
        std::string sql = "BEGIN; ";
        for (auto i = random.between(1, 5); i > 0; --i) {
            if (random.chance(0.2)) {
                sql += "SAVEPOINT s; " + change(random);
                if (random.chance(0.5)) sql += "ROLLBACK TO s; ";
            } else {
                sql += change(random);
            }
        }
        if (random.chance(0.001)) sql += "TRUNCATE " + identifier(random.pick(kTables)) + "; ";
        return sql;
    }

    void prepare(Session& session, Random& random, int number) {
        const std::string gid = "m" + std::to_string(number) + "_" + std::to_string(++prepared_);
        const std::string end = random.chance(0.8) ? "COMMIT" : "ROLLBACK";
        try {
            session.execute(transaction(random) + "PREPARE TRANSACTION '" + gid + "'");
            std::this_thread::sleep_for(milliseconds(random.between(0, 200)));
        } catch (const SqlError& error) {
            if (!error.is_lost_connection()) throw;
            // Only the answer may be lost: what is prepared would hold its locks for ever.
        }
        while (!is_ended(session, end + " PREPARED '" + gid + "'")) {
        }
    }

    // The server may be away; then the transaction is there when it is back, unless it ended.
    static bool is_ended(Session& session, const std::string& sql) {
        try {
            session.execute(sql);
            return true;
        } catch (const SqlError& error) {
            if (error.sqlstate() == "42704") return true;
            if (!error.is_lost_connection()) throw;
            std::this_thread::sleep_for(milliseconds(50));
            return false;
        }
    }

    std::string conninfo_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::atomic<int> prepared_{0};
    std::string failure_;
    std::vector<std::thread> threads_;
};

}  // namespace walpack::e2e
