// Sessions that change the source at random, several at once, each by a seed of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/random.h"
#include "support/session.h"

namespace walpack::e2e {

// How long a random test goes on: at least `least`, and in a soak (WALPACK_SOAK_SECONDS) its share
// of that time, one in `shares`; all of it when no other test runs.
std::chrono::seconds soak_time(int shares, std::chrono::seconds least);

// One change of a table of the random schema.
std::string random_change(Random& random);

class RandomWorkload {
  public:
    // Text of one change; a transaction has several.
    using Change = std::string (*)(Random&);

    // Starts `sessions` writers on the database. What the server refuses (deadlocks, duplicate
    // keys, a server that is away) is rolled back and passed over; anything else is kept for
    // stop().
    RandomWorkload(const std::string& conninfo, int sessions, Change change = random_change);
    ~RandomWorkload();
    RandomWorkload(const RandomWorkload&) = delete;
    RandomWorkload& operator=(const RandomWorkload&) = delete;

    // Ends the writers; returns their first unexpected error, or empty text.
    std::string stop();
    std::int64_t committed() const { return committed_; }
    std::int64_t refused() const { return refused_; }

  private:
    void write(Random random);
    void run_transaction(Session& session, Random& random);

    std::string conninfo_;
    const Change change_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::atomic<std::int64_t> refused_{0};
    std::atomic<bool> has_failed_{false};
    std::string failure_;
    std::vector<std::thread> threads_;
};

}  // namespace walpack::e2e
