// Moves money between accounts and logs each move, until it is stopped; servers may go away.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace walpack::e2e {

class Transfers {
  public:
    // The tables: fifty accounts with 1000 each, whose sum never changes.
    static constexpr const char* kTables =
        "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL); "
        "CREATE TABLE moves (id bigserial PRIMARY KEY, f int, t int)";
    static constexpr const char* kAccounts =
        "INSERT INTO accounts SELECT g, 1000 FROM generate_series(1, 50) g";
    static constexpr const char* kSum = "SELECT sum(balance) FROM public.accounts";
    static constexpr const char* kExpectedSum = "50000";

    explicit Transfers(const std::string& conninfo);
    ~Transfers() { stop(); }
    Transfers(const Transfers&) = delete;
    Transfers& operator=(const Transfers&) = delete;

    void stop();
    std::int64_t committed() const { return committed_; }
    // Until so many more are committed.
    void let_pass(std::int64_t more) const;

  private:
    void write();

    std::string conninfo_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::thread thread_;
};

}  // namespace walpack::e2e
