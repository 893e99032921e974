// A test that blocks for ever, on a lock that nobody gives back, must not take the rest of the
// suite with it, nor what there is to know about it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support/wait.h"

namespace walpack::e2e {

// Once a test has run for `limit`, times the patience, the test is failed, what the sessions of
// both shared clusters do is printed, and they are ended: every statement that blocks ends with an
// error. Again each `limit` for as long as the test goes on.
class Watchdog : public ::testing::EmptyTestEventListener {
  public:
    explicit Watchdog(seconds limit) : limit_(limit * patience()) {}
    ~Watchdog() override { stop(); }

    void OnTestStart(const ::testing::TestInfo& test) override;
    void OnTestEnd(const ::testing::TestInfo&) override { stop(); }

  private:
    void watch(const std::string& name);
    void stop();

    seconds limit_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_over_ = false;
    std::thread thread_;
};

}  // namespace walpack::e2e
