#include "copy/session_waits.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/log.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kToldAgain{1};

// pg_blocking_pids() gives 0 for a prepared transaction, which has no process. Its locks have its
// virtual transaction, and one of them is on its own xid.
constexpr const char* kReadWaits = R"(
SELECT b.pid, h.application_name, COALESCE(h.usename, x.owner), COALESCE(h.datname, x.database),
    x.gid, pg_catalog.date_trunc('second', COALESCE(h.xact_start, x.prepared)),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - l.waitstart)
FROM pg_catalog.pg_stat_activity w
JOIN pg_catalog.pg_locks l ON l.pid = w.pid AND NOT l.granted
CROSS JOIN LATERAL (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid))
    u(pid)) b
LEFT JOIN pg_catalog.pg_stat_activity h ON h.pid = b.pid
LEFT JOIN pg_catalog.pg_prepared_xacts x ON b.pid = 0 AND (
    x.transaction = l.transactionid
    OR EXISTS (
        SELECT FROM pg_catalog.pg_locks i
        JOIN pg_catalog.pg_locks o ON o.pid IS NULL AND o.relation = l.relation
            AND o.virtualtransaction = i.virtualtransaction
        WHERE i.pid IS NULL AND i.transactionid = x.transaction))
WHERE w.application_name = $1
    AND (w.datname IS NULL OR w.datname = pg_catalog.current_database())
ORDER BY l.waitstart, b.pid)";

std::string text_of(const Result& result, int row, int column) {
    return std::string(result.value(row, column));
}

std::string holder_at(const Result& result, int row) {
    std::string of;
    if (!result.is_null(row, 2)) of += " of " + text_of(result, row, 2);
    if (!result.is_null(row, 3)) of += " in " + text_of(result, row, 3);
    if (text_of(result, row, 0) == "0") {
        const std::string gid = result.is_null(row, 4) ? "" : " \"" + text_of(result, row, 4) + '"';
        return "prepared transaction" + gid + of;
    }
    const std::string name = text_of(result, row, 1);
    return fmt::format("process {} ({}{})", result.value(row, 0), name.empty() ? "session" : name,
                       of);
}

}  // namespace

std::vector<SessionWait> read_session_waits(Connection& asking,
                                            const std::string& application_name) {
    const Result result = asking.execute(kReadWaits, {application_name});
    std::vector<SessionWait> waits;
    for (int row = 0; row < result.rows(); ++row) {
        SessionWait wait;
        wait.holder = holder_at(result, row);
        if (!result.is_null(row, 5)) wait.begun = text_of(result, row, 5);
        const std::string_view seconds = result.value(row, 6);
        std::from_chars(seconds.data(), seconds.data() + seconds.size(), wait.seconds);
        waits.push_back(std::move(wait));
    }
    return waits;
}

std::string describe(const SessionWait& wait) {
    if (wait.begun.empty()) return wait.holder;
    return fmt::format("{}, whose transaction began at {}", wait.holder, wait.begun);
}

std::function<std::optional<Error>()> tell_waits(Connection& asking,
                                                 const std::string& application_name) {
    std::string told;
    Clock::time_point told_at;
    return [&asking, application_name, told, told_at]() mutable -> std::optional<Error> {
        std::string text;
        for (const SessionWait& wait : read_session_waits(asking, application_name))
            text += (text.empty() ? "" : "; ") + describe(wait);
        if (text.empty() || (text == told && Clock::now() - told_at < kToldAgain))
            return std::nullopt;
        log::info("waiting for {}", text);
        told = text;
        told_at = Clock::now();
        return std::nullopt;
    };
}

}  // namespace walpack
