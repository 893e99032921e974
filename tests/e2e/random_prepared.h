// A session that prepares transactions and ends them some time later, as a two-phase client does,
// until it is stopped; servers may go away meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "support/random.h"
#include "support/session.h"

namespace walpack::e2e {

// Of the random schema's tables; the sum over accounts and vault stays.
class RandomPrepared {
  public:
    explicit RandomPrepared(const std::string& conninfo);
    ~RandomPrepared() { stop(); }
    RandomPrepared(const RandomPrepared&) = delete;
    RandomPrepared& operator=(const RandomPrepared&) = delete;

    // On return none is left prepared.
    void stop();
    std::int64_t committed() const { return committed_; }
    std::int64_t rolled_back() const { return rolled_back_; }

  private:
    void write();
    bool prepare(Session& session, Random& random, int number);
    bool has_ended(Session& session, int number, bool is_committed);

    std::string conninfo_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::atomic<std::int64_t> rolled_back_{0};
    std::thread thread_;
};

}  // namespace walpack::e2e
