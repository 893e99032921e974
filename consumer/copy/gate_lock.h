// How the gate holds the mutex of CopyTables. For its own sources alone.
#pragma once

#include <mutex>

namespace walpack {

// Holds the mutex, but for where it is given up in between.
class Locked {
  public:
    explicit Locked(std::unique_lock<std::mutex>& lock) : lock_(lock) { lock_.lock(); }
    ~Locked() {
        if (lock_.owns_lock()) lock_.unlock();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    std::unique_lock<std::mutex>& lock_;
};

}  // namespace walpack
