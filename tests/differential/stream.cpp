#include "differential/stream.h"

#include <memory>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "model/lsn.h"
#include "support/session.h"
#include "support/wait.h"

namespace walpack::differential {
namespace {

using e2e::SqlError;

constexpr std::size_t kXLogDataHead = 1 + 8 + 8 + 8;  // 'w', LSN, end of the WAL, time

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Owner = std::unique_ptr<PGconn, Finish>;

[[noreturn]] void fail(PGconn* connection, const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    throw SqlError(PQerrorMessage(connection), state != nullptr ? state : "08006");
}

std::string command(const std::string& slot, const std::map<std::string, std::string>& options) {
    std::string list;
    for (const auto& [name, value] : options)
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, e2e::literal(value));
    return fmt::format("START_REPLICATION SLOT {} LOGICAL 0/0 ({})", slot, list);
}

Lsn number_at(std::string_view bytes, std::size_t at) {
    Lsn lsn;
    for (const char byte : bytes.substr(at, 8))
        lsn.value = lsn.value << 8 | static_cast<unsigned char>(byte);
    return lsn;
}

// A reply is asked for, which makes the server say how far it has read.
void ask(PGconn* connection) {
    std::string status(1 + 8 + 8 + 8 + 8, '\0');
    status[0] = 'r';
    status += '\1';
    (void)PQputCopyData(connection, status.data(), static_cast<int>(status.size()));
    (void)PQflush(connection);
}

}  // namespace

void flush_wal(e2e::Session& session) {
    session.execute("SET synchronous_commit = on");
    session.execute("CREATE TEMP TABLE flushed (); DROP TABLE flushed");
}

std::vector<std::string> receive_stream(const std::string& conninfo, const std::string& slot,
                                        const std::map<std::string, std::string>& options,
                                        const std::map<std::string, std::string>& settings) {
    e2e::Session session(conninfo);
    const Lsn end = *Lsn::parse(session.value("SELECT pg_current_wal_insert_lsn()"));
    flush_wal(session);

    std::string setting_flags;
    for (const auto& [name, value] : settings)
        setting_flags += fmt::format(" -c {}={}", name, value);
    const Owner connection(PQconnectdb(
        fmt::format("{} replication=database options='{}'", conninfo, setting_flags).c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK) fail(connection.get(), nullptr);
    PGresult* started = PQexec(connection.get(), command(slot, options).c_str());
    if (PQresultStatus(started) != PGRES_COPY_BOTH) fail(connection.get(), started);
    PQclear(started);

    std::vector<std::string> messages;
    const auto deadline = e2e::Clock::now() + e2e::seconds(60);
    while (e2e::Clock::now() < deadline) {
        char* bytes = nullptr;
        const int size = PQgetCopyData(connection.get(), &bytes, /*async=*/1);
        if (size < 0) fail(connection.get(), PQgetResult(connection.get()));
        if (size == 0) {
            ask(connection.get());
            pollfd readable = {PQsocket(connection.get()), POLLIN, 0};
            (void)::poll(&readable, 1, 50);
            if (PQconsumeInput(connection.get()) == 0) fail(connection.get(), nullptr);
            continue;
        }
        const std::string_view message(bytes, static_cast<std::size_t>(size));
        const bool is_read = message[0] == 'k' && number_at(message, 1) >= end;
        if (message[0] == 'w') messages.emplace_back(message.substr(kXLogDataHead));
        PQfreemem(bytes);
        if (is_read) return messages;
    }
    throw std::runtime_error("the walsender does not come to the end of the WAL");
}

}  // namespace walpack::differential
