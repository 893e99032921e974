#include "differential/random_sessions.h"

#include <string_view>

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
    for (int count = 0; count < steps && failure_.empty(); ++count) {
        const auto any = random.between(0, static_cast<int>(sessions_.size()) - 1);
        step(alone_.value_or(static_cast<std::size_t>(any)), random);
    }
}

void RandomSessions::end_all_but(const Open* kept) {
    for (std::size_t number = 0; number < sessions_.size(); ++number) {
        Open& open = sessions_[number];
        if (&open == kept || !open.is_inside_transaction) continue;
        execute(number, "COMMIT");
        open.is_inside_transaction = false;
        open.savepoints = 0;
    }
}

RandomStatement RandomSessions::next_statement(Open& open, Random& random) {
    const auto kind = random.between(1, 100);
    if (!open.is_inside_transaction && kind <= 65) return {"BEGIN"};
    if (open.is_inside_transaction) {
        if (kind <= 9) return {"COMMIT"};
        if (kind <= 11) return {"ROLLBACK"};
        if (kind <= 17) return {"SAVEPOINT s"};
        if (kind <= 20 && open.savepoints > 0) return {"ROLLBACK TO s"};
        if (kind <= 24 && open.savepoints > 0) return {"RELEASE s"};
    }
    return statements_.next(*open.session, random);
}

void RandomSessions::step(std::size_t number, Random& random) {
    Open& open = sessions_[number];
    const RandomStatement next = next_statement(open, random);
    if (next.is_alone) {
        end_all_but(&open);
        alone_ = number;
    }
    const bool is_executed = execute(number, next.sql);
    if (!is_executed && open.is_inside_transaction && open.savepoints > 0) {
        execute(number, "ROLLBACK TO s");
    } else if (!is_executed && open.is_inside_transaction) {
        execute(number, "ROLLBACK");
        open.is_inside_transaction = false;
    } else if (is_executed) {
        if (next.sql == "BEGIN") open.is_inside_transaction = true;
        if (next.sql == "COMMIT" || next.sql == "ROLLBACK") open.is_inside_transaction = false;
        if (next.sql == "SAVEPOINT s") ++open.savepoints;
        if (next.sql == "RELEASE s") --open.savepoints;
    }
    if (open.is_inside_transaction) return;
    open.savepoints = 0;
    alone_.reset();
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
        // Syntax and internal errors: of this test or of the server, not of the workload.
        const bool is_wrong =
            error.is_lost_connection() || state == "42601" || state.starts_with("XX");
        if (is_wrong && failure_.empty()) failure_ = message;
        return false;
    }
    log_ += '\n';
    ++executed_;
    return true;
}

}  // namespace walpack::differential
