// What our sessions wait for at a server: transactions of others that hold locks, or that a slot's
// creation must see the end of.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "pg/connection.h"

namespace walpack {

struct SessionWait {
    // Who is waited for: "process 4711 (psql of joe in app)", "prepared transaction "x" of joe".
    std::string holder;
    // When that transaction began; empty where the role may not know it.
    std::string begun;
    double seconds = 0;  // since when it is waited for
};

// Of sessions by their application_name, in the connection's database or in none.
std::vector<SessionWait> read_session_waits(Connection& asking,
                                            const std::string& application_name);

// "process 4711 (psql of joe in app), whose transaction began at 2026-01-31 12:00:00+00".
std::string describe(const SessionWait& wait);

// For Connection::limit_silence() of a session that has this application_name: tells the log what
// it waits for, and again when that is another one. `asking` is an idle session of the same server;
// it must live as long as the other one waits.
inline constexpr std::chrono::seconds kLongWait{3};
std::function<std::optional<Error>()> tell_waits(Connection& asking,
                                                 const std::string& application_name);

}  // namespace walpack
