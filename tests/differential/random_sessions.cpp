#include "differential/random_sessions.h"

#include <fmt/format.h>

namespace walpack::differential {

using e2e::Random;

RandomSessions::RandomSessions(const std::string& conninfo, int count, int server_version)
    : statements_(server_version) {
    for (int number = 0; number < count; ++number) {
        sessions_.emplace_back().session =
            std::make_unique<e2e::Session>(conninfo + " options='-c lock_timeout=5ms'");
    }
}

void RandomSessions::set_origin(const std::string& origin) {
    execute(0, "SELECT pg_replication_origin_session_setup(" + e2e::literal(origin) + ")");
}

void RandomSessions::run(int steps, Random& random) {
    for (int count = 0; count < steps && failure_.empty(); ++count)
        step(static_cast<std::size_t>(random.between(0, static_cast<int>(sessions_.size()) - 1)),
             random);
}

void RandomSessions::end_all() {
    for (std::size_t number = 0; number < sessions_.size(); ++number)
        if (sessions_[number].is_inside_transaction) execute(number, "COMMIT");
}

std::string RandomSessions::next_statement(Open& open, Random& random) {
    const auto kind = random.between(1, 100);
    if (!open.is_inside_transaction)
        return kind <= 65 ? "BEGIN" : statements_.next(*open.session, random);
    if (kind <= 9) return "COMMIT";
    if (kind <= 11) return "ROLLBACK";
    if (kind <= 17) return "SAVEPOINT s";
    if (kind <= 20 && open.savepoints > 0) return "ROLLBACK TO s";
    if (kind <= 24 && open.savepoints > 0) return "RELEASE s";
    return statements_.next(*open.session, random);
}

void RandomSessions::step(std::size_t number, Random& random) {
    Open& open = sessions_[number];
    const std::string sql = next_statement(open, random);
    if (!execute(number, sql)) {
        if (!open.is_inside_transaction) return;
        if (open.savepoints > 0) {
            execute(number, "ROLLBACK TO s");
        } else {
            execute(number, "ROLLBACK");
            open.is_inside_transaction = false;
        }
        return;
    }
    if (sql == "BEGIN") open = {std::move(open.session), true, 0};
    if (sql == "COMMIT" || sql == "ROLLBACK") open = {std::move(open.session), false, 0};
    if (sql == "SAVEPOINT s") ++open.savepoints;
    if (sql == "RELEASE s") --open.savepoints;
}

bool RandomSessions::execute(std::size_t number, const std::string& sql) {
    log_ += fmt::format("/* {} */ {};", number, sql);
    try {
        sessions_[number].session->execute(sql);
    } catch (const e2e::SqlError& error) {
        ++refused_;
        const std::string message = error.what();
        log_ += " -- " + message.substr(0, message.find('\n')) + '\n';
        const std::string state = error.sqlstate();
        // Syntax, types, internal errors: of this test or of the server, not of the workload.
        const bool is_wrong = error.is_lost_connection() || state == "42601" || state == "42804" ||
                              state.starts_with("XX");
        if (is_wrong && failure_.empty()) failure_ = message;
        return false;
    }
    log_ += '\n';
    ++executed_;
    return true;
}

}  // namespace walpack::differential
