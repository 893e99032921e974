#include "row_movers.h"

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kSessions = 3;
constexpr seconds kLongestWait{60};  // for a lock, or for a server that is away

}  // namespace

RowMovers::RowMovers(const std::string& conninfo, const std::vector<std::string>& tables, int rows,
                     Truncate truncate)
    : conninfo_(conninfo),
      tables_(tables),
      rows_(rows),
      may_truncate_(truncate == Truncate::from_the_start) {
    for (int i = 0; i < kSessions; ++i) threads_.emplace_back([this, i] { run(i); });
}

std::string RowMovers::stop() {
    is_stopping_ = true;
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
    return failure_;
}

void RowMovers::run(int number) {
    Random random(100 + static_cast<std::uint64_t>(number));
    Session session(conninfo_ + " options='-c lock_timeout=" +
                    std::to_string(kLongestWait.count() * patience()) + "s'");
    while (!is_stopping_) {
        try {
            if (random.chance(0.05)) {
                prepare(session, random, number);
            } else {
                session.execute(transaction(random) + (random.chance(0.9) ? "COMMIT" : "ROLLBACK"));
            }
            ++committed_;
        } catch (const SqlError& error) {
            // Two sessions may choose the same key, wait for one another, or find a row in another
            // partition.
            const bool is_expected = error.sqlstate() == "23505" || error.sqlstate() == "40P01" ||
                                     error.sqlstate() == "40001";
            if (!is_expected && !error.is_lost_connection()) {
                failure_ = error.what();
                return;
            }
            if (error.is_lost_connection()) continue;
            session.execute("ROLLBACK");
        }
    }
}

std::string RowMovers::change(Random& random) const {
    const std::string table = identifier(random.pick(tables_));
    const std::string id = row(random);
    if (table == "\"by_uuid\"") {
        const std::string key = "md5('" + std::to_string(random.between(1, rows_)) + "')::uuid";
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

std::string RowMovers::transaction(Random& random) const {
    std::string sql = "BEGIN; ";
    for (auto i = random.between(1, 5); i > 0; --i) {
        if (random.chance(0.2)) {
            sql += "SAVEPOINT s; " + change(random);
            if (random.chance(0.5)) sql += "ROLLBACK TO s; ";
        } else {
            sql += change(random);
        }
    }
    if (random.chance(0.001) && may_truncate_)
        sql += "TRUNCATE " + identifier(random.pick(tables_)) + "; ";
    return sql;
}

void RowMovers::prepare(Session& session, Random& random, int number) {
    const std::string gid = "m" + std::to_string(number) + "_" + std::to_string(++prepared_);
    const std::string end = random.chance(0.8) ? "COMMIT" : "ROLLBACK";
    try {
        session.execute(transaction(random) + "PREPARE TRANSACTION '" + gid + "'");
        std::this_thread::sleep_for(milliseconds(random.between(0, 200)));
    } catch (const SqlError& error) {
        if (!error.is_lost_connection()) throw;
        // Only the answer may be lost: what is prepared would hold its locks for ever.
    }
    const std::string sql = end + " PREPARED '" + gid + "'";
    if (!holds_within(kLongestWait, [&] { return is_ended(session, sql); }))
        throw SqlError("the server is away for too long: " + sql, "57014");
}

// The server may be away; then the transaction is there when it is back, unless it ended.
bool RowMovers::is_ended(Session& session, const std::string& sql) {
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

}  // namespace walpack::e2e
