// Several sessions whose transactions overlap, driven by one thread: which session does what next
// is a matter of the seed alone. A statement that would have to wait for another session is refused
// by lock_timeout at once, since the other one cannot go on meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "differential/random_statement.h"

namespace walpack::differential {

class RandomSessions {
    struct Open {
        std::unique_ptr<e2e::Session> session;
        bool is_inside_transaction = false;
        int savepoints = 0;
    };

  public:
    RandomSessions(const std::string& conninfo, int count, int server_version);

    // The first session from now on replicates from there.
    void set_origin(const std::string& origin);
    void run(int steps, e2e::Random& random);
    void end_all() { end_all_but(nullptr); }  // commits what is open

    std::int64_t executed() const { return executed_; }
    std::int64_t refused() const { return refused_; }
    // Every statement in order, with the server's refusal behind it.
    const std::string& log() const { return log_; }
    // A refusal that no workload should meet; empty when there was none.
    const std::string& failure() const { return failure_; }

  private:
    void end_all_but(const Open* kept);
    void step(std::size_t number, e2e::Random& random);
    RandomStatement next_statement(Open& open, e2e::Random& random);
    bool execute(std::size_t number, const std::string& sql);

    std::vector<Open> sessions_;
    std::optional<std::size_t> alone_;  // the only session that may go on
    RandomStatements statements_;
    std::int64_t executed_ = 0;
    std::int64_t refused_ = 0;
    std::string log_;
    std::string failure_;
};

}  // namespace walpack::differential
