// Waiting for a server, and what is done when it says nothing.
//
// TCP tells of a server's machine that is gone, but not through a proxy, which may keep its side of
// the line while there is nothing behind it. So after a while of silence another session looks how
// the one of this connection is:
//
//   is not there                              the line is dead
//   is another server's of that address       we wait on
//   waits for its client, as we do for it     dead, when the next look finds the same; the session
//                                             is ended, as it may hold what the next one needs
//   works, or waits for something else        we wait on
//
// Of what we have sent something may be on its way through a slow line, which is waited for longer.
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "base/sqlstate.h"
#include "pg/connection.h"
#include "pg/poll_socket.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLookLimit{10};
constexpr int kLooksWhenAllIsSent = 2;
constexpr int kLooksAmidSending = 5;
constexpr int kUnansweredMax = 3;
// One row, also where there is no such session. One address may lead to several servers, of which
// another one knows nothing.
constexpr std::string_view kLook =
    "SELECT starts_with($1, server.name || ' '), a.pid IS NOT NULL, "
    "a.wait_event IN ('ClientRead', 'ClientWrite'), "
    "coalesce('waits for ' || a.wait_event_type || ' ' || a.wait_event, 'works') "
    "FROM (SELECT concat_ws(':', inet_server_addr(), inet_server_port()) AS name) server "
    "LEFT JOIN pg_stat_activity a ON server.name || ' ' || a.pid || ' ' || "
    "extract(epoch FROM a.backend_start) = $1";
constexpr std::string_view kEnd =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE concat_ws(':', inet_server_addr(), inet_server_port()) || ' ' || pid || ' ' || "
    "extract(epoch FROM backend_start) = $1";

// Bytes that are not acknowledged; -1 when that is not known.
int bytes_on_their_way(int socket) {
    int bytes = 0;
    return ioctl(socket, TIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

}  // namespace

// What one silent wait has seen until now.
struct Connection::SilentLine {
    int unanswered = 0;     // looks in a row
    int waits_for_us = 0;   // looks in a row that found it so, and nothing moving
    int on_their_way = -1;  // bytes, at the last look
    bool is_told = false;
};

void Connection::wait(short events) {
    SilentLine line;
    auto looked = Clock::now();
    while (true) {
        std::optional<Clock::time_point> deadline;
        const auto started = Clock::now();
        const bool is_limited = silence_limit_.count() > 0;
        const auto limit = is_limited ? silence_limit_ : look_interval_;
        if (limit.count() > 0) deadline = started + limit;
        const bool is_ready = poll_socket(PQsocket(native()), events, *stop_, deadline);
        waited_ += Clock::now() - started;
        if (is_ready) return;
        if (is_limited && !on_silence_)
            throw Error(ErrorKind::connection,
                        fmt::format("{} has been silent for longer than {} ms", description_,
                                    limit.count()));
        std::optional<Error> error = is_limited ? on_silence_() : std::nullopt;
        const bool is_due = look_interval_.count() > 0 && Clock::now() - looked >= look_interval_;
        if (!error && is_due) {
            error = look_at_backend(events, line);
            looked = Clock::now();
        }
        if (error) throw *error;
    }
}

std::optional<Error> Connection::look_at_backend(short events, SilentLine& line) {
    if (!backend_) return std::nullopt;
    const int before = std::exchange(line.on_their_way, bytes_on_their_way(socket()));
    if (line.on_their_way != before) line.waits_for_us = 0;
    const bool is_all_sent = (events & POLLOUT) == 0 && line.on_their_way == 0;
    try {
        Connection other(reached_, *stop_, "walpack_look");
        other.limit_silence(kLookLimit);
        const Result found = other.execute(std::string(kLook), {backend_});
        line.unanswered = 0;
        const bool is_same_server = found.value(0, 0) == "t";
        const bool is_there = found.value(0, 1) == "t";
        if (is_same_server && !is_there)
            return dead_line("the server does not have the session any more");
        if (is_same_server)
            line.waits_for_us = found.value(0, 2) == "t" ? line.waits_for_us + 1 : 0;
        const int looks_max = is_all_sent ? kLooksWhenAllIsSent : kLooksAmidSending;
        if (line.waits_for_us >= looks_max) {
            other.execute(std::string(kEnd), {backend_});
            return dead_line("the server waits for us as we wait for it");
        }
        if (!line.is_told)
            log::info("{} says nothing: its session {} {}", description_, backend_pid(),
                      is_same_server ? found.value(0, 3) : "is on another server of that address");
        line.is_told = true;
        return std::nullopt;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        // Too many sessions, say: it is alive.
        const bool is_answer = !error.sqlstate().empty() && error.sqlstate() != kCannotConnectNow;
        if (is_answer || ++line.unanswered < kUnansweredMax) {
            log::warning("{} is silent, and whether it is at work could not be seen: {}",
                         description_, error.message());
            return std::nullopt;
        }
        return Error(ErrorKind::connection,
                     fmt::format("{} is silent, and takes no other session: {}", description_,
                                 error.message()));
    }
}

Error Connection::dead_line(const std::string& why) const {
    return Error(ErrorKind::connection,
                 fmt::format("the line to {} is dead: {}", description_, why));
}

}  // namespace walpack
