// Sessions that change rows of a database until they are stopped, as those of an application would.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/random.h"

namespace walpack::e2e {

class Writers {
  public:
    // Text of one transaction.
    using Change = std::function<std::string(Random&)>;

    Writers(const std::string& conninfo, int sessions, const Change& change);
    ~Writers();
    Writers(const Writers&) = delete;
    Writers& operator=(const Writers&) = delete;

    // The first error; none are conflicts of two writers, which may happen.
    std::string stop();
    std::int64_t committed() const { return committed_; }

  private:
    void run(const std::string& conninfo, std::uint64_t seed, const Change& change);

    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::mutex mutex_;
    std::string failure_;
    std::vector<std::thread> threads_;
};

}  // namespace walpack::e2e
