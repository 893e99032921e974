#include "pg/replication_connection.h"

#include <charconv>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/text.h"

namespace walpack {
namespace {

constexpr std::size_t kXLogDataHeader = 1 + 8 + 8 + 8;   // 'w', LSN, WAL end, time
constexpr std::size_t kKeepaliveLength = 1 + 8 + 8 + 1;  // 'k', WAL end, time, reply requested
constexpr std::string_view kPlugin = "walpack";

std::uint64_t read_uint64(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes.substr(0, 8)) value = (value << 8) | static_cast<unsigned char>(c);
    return value;
}

void append_uint64(std::string& out, std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

// Microseconds since 2000-01-01 UTC, as the protocol counts.
std::uint64_t now_in_server_time() {
    constexpr std::int64_t kPostgresEpoch = 946'684'800'000'000;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    return static_cast<std::uint64_t>(micros - kPostgresEpoch);
}

// "Standby status update" of the streaming replication protocol.
std::string status_update(Lsn confirmed, bool request_reply) {
    std::string message = "r";
    for (int position = 0; position < 3; ++position) append_uint64(message, confirmed.value);
    append_uint64(message, now_in_server_time());
    message += request_reply ? '\1' : '\0';
    return message;
}

Lsn parse_lsn(std::string_view text) {
    const auto lsn = Lsn::parse(text);
    if (!lsn) throw Error(ErrorKind::protocol, fmt::format("\"{}\" is not an LSN", text));
    return *lsn;
}

// A refusal by output_plugin_libraries and a library that is not there heal when a DBA has acted:
// worth waiting for, with the fix in the hint. Anything else is thrown on.
[[noreturn]] void rethrow_with_fix(const Error& error) {
    const std::string text = error.message();
    if (text.find("may not be used as an output plugin") != std::string::npos) {
        throw Error(ErrorKind::connection, text)
            .sqlstate(error.sqlstate())
            .detail("The source loads only the output plugins that output_plugin_libraries names.")
            .hint(
                "Append walpack to that setting on the source and reload, for example: "
                "output_plugin_libraries = 'pgoutput, test_decoding, walpack'.");
    }
    if (text.find("could not access file \"walpack\"") != std::string::npos) {
        throw Error(ErrorKind::connection, text)
            .sqlstate(error.sqlstate())
            .hint("Install the walpack extension's library on the source server.");
    }
    throw error;
}

}  // namespace

ReplicationConnection::ReplicationConnection(Conninfo conninfo, const StopRequest& stop,
                                             const std::string& application_name,
                                             std::chrono::milliseconds silence_limit)
    : Connection(
          [&] {
              conninfo.set("replication", "database");
              return std::move(conninfo);
          }(),
          stop, application_name) {
    limit_silence(silence_limit);
    // The plugin sends text in the database's encoding and refuses a session that asks for another.
    const std::string encoding = parameter_status("server_encoding");
    if (parameter_status("client_encoding") != encoding) {
        execute("SET client_encoding = " + quote_literal(encoding));
    }
}

CreatedSlot ReplicationConnection::create_slot(const std::string& slot, bool temporary,
                                               bool export_snapshot) {
    // The form without parentheses is the one that every supported server understands.
    const std::string command =
        fmt::format("CREATE_REPLICATION_SLOT {}{} LOGICAL {} {}", quote_identifier(slot),
                    temporary ? " TEMPORARY" : "", quote_identifier(kPlugin),
                    export_snapshot ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
    try {
        const Result result = execute(command);
        CreatedSlot created;
        created.consistent_point = parse_lsn(result.value(0, 1));
        if (!result.is_null(0, 2)) created.snapshot_name = result.value(0, 2);
        return created;
    } catch (const Error& error) {
        rethrow_with_fix(error);
    }
}

ReplicationConnection::Identity ReplicationConnection::identify_system() {
    const Result result = execute("IDENTIFY_SYSTEM");
    Identity identity;
    const std::string_view system = result.value(0, 0);
    std::from_chars(system.data(), system.data() + system.size(), identity.system_identifier);
    const std::string_view timeline = result.value(0, 1);
    std::from_chars(timeline.data(), timeline.data() + timeline.size(), identity.timeline);
    identity.flush_lsn = parse_lsn(result.value(0, 2));
    if (!result.is_null(0, 3)) identity.database = result.value(0, 3);
    return identity;
}

std::string ReplicationConnection::timeline_history(std::uint32_t timeline) {
    const Result result = execute(fmt::format("TIMELINE_HISTORY {}", timeline));
    return std::string(result.value(0, 1));
}

void ReplicationConnection::start(const std::string& slot, Lsn from,
                                  const std::map<std::string, std::string>& options) {
    std::string command = fmt::format("START_REPLICATION SLOT {} LOGICAL {}",
                                      quote_identifier(slot), from.to_string());
    std::string list;
    for (const auto& [name, value] : options) {
        list += fmt::format("{}{} '", list.empty() ? "" : ", ", quote_identifier(name));
        for (const char c : value) list += c == '\'' ? std::string("''") : std::string(1, c);
        list += '\'';
    }
    if (!list.empty()) command += " (" + list + ")";
    try {
        const Result result = execute(command);
        if (result.kind() != ResultKind::copy_both) throw_result_error(result, "start the stream");
    } catch (const Error& error) {
        rethrow_with_fix(error);
    }
}

std::optional<StreamMessage> ReplicationConnection::receive() {
    std::optional<std::string_view> bytes = copy_out_poll();
    if (!bytes) return std::nullopt;
    if (bytes->size() >= kXLogDataHeader && bytes->front() == 'w') {
        return XLogData{{read_uint64(bytes->substr(1))},
                        {read_uint64(bytes->substr(9))},
                        bytes->substr(kXLogDataHeader)};
    }
    if (bytes->size() == kKeepaliveLength && bytes->front() == 'k') {
        return PrimaryKeepalive{{read_uint64(bytes->substr(1))}, bytes->back() != '\0'};
    }
    throw Error(ErrorKind::protocol,
                fmt::format("unknown replication message of {} bytes", bytes->size()));
}

void ReplicationConnection::send_status(Lsn confirmed, bool request_reply) {
    copy_in_put(status_update(confirmed, request_reply));
    flush();
}

void ReplicationConnection::finish(Lsn confirmed) noexcept {
    const std::string message = status_update(confirmed, false);
    if (PQputCopyData(native(), message.data(), static_cast<int>(message.size())) != 1) return;
    if (PQputCopyEnd(native(), nullptr) != 1) return;
    // A moment for a full socket; the server may be sending, so its bytes are taken in as well.
    for (int attempt = 0; attempt < 10 && PQflush(native()) == 1; ++attempt) {
        pollfd fd{PQsocket(native()), POLLIN | POLLOUT, 0};
        poll(&fd, 1, 100);
        if (PQconsumeInput(native()) == 0) return;
    }
}

}  // namespace walpack
