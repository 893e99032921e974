// Where a connection string is written, which may be another one by now: its password was changed.
//
// When a server refuses a login (SQLSTATE class 28) the connection has it read again and tries what
// is written there; connections after it do so at once. All copies of a Conninfo share its origin.
// Only the way to the same database is taken up: another database, and another server unless its
// system is known, are told in the log and left to a restart. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "pg/conninfo.h"

namespace walpack {

class ConninfoOrigin {
  public:
    // `key` is its name in logs and errors. `read` gives what is written now, or throws Error.
    ConninfoOrigin(std::string key, Conninfo first, std::function<Conninfo()> read);

    // What was read last in place of the first one, out of which `conninfo` was made by setting
    // keywords; these stay as they were set.
    Conninfo latest(const Conninfo& conninfo) const;
    // What cannot be read, or not be taken up, leaves what was.
    void read_again();

    // The servers are of this system, so another one may be named.
    void expect_system(std::uint64_t identifier);
    // Throws Error(config) when `identifier`, that of the server which latest() has reached, is not
    // the expected one.
    void require_system(std::uint64_t identifier) const;
    // Nobody has looked yet whether the first one's server is of that system.
    void distrust_first();
    // Whether what latest() has reached is to be looked at.
    bool must_be_looked_at() const;

    const std::string& key() const { return key_; }

  private:
    void take_up(const Conninfo& written);
    void warn(const std::string& text);

    const std::string key_;
    const Conninfo first_;
    const std::function<Conninfo()> read_;
    mutable std::mutex mutex_;
    Conninfo latest_;
    std::optional<std::uint64_t> system_;
    bool is_distrusted_ = false;
    std::string warned_of_;  // told once, as connections are tried again and again
};

}  // namespace walpack
