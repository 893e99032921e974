// How a connection comes to be: logged in, perhaps at the second try, and its session set up.
#include <charconv>
#include <string>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/check.h"
#include "base/log.h"
#include "pg/connect_failure.h"
#include "pg/connection.h"
#include "pg/conninfo_origin.h"
#include "pg/poll_socket.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectTimeout{15};  // unless the conninfo says otherwise
constexpr int kVersionWithIdleTimeout = 140000;
constexpr int kVersionWithTransactionTimeout = 170000;
constexpr std::chrono::milliseconds kSilenceMax{60'000};  // unless the conninfo says otherwise
constexpr std::string_view kConnectionFailure = "08006";
constexpr std::string_view kLoginRefused = "28";  // invalid authorization specification

void discard_notice(void* /*argument*/, const PGresult* /*result*/) {}

std::optional<int> number_of(const Conninfo& conninfo, const std::string& keyword) {
    const auto found = conninfo.keywords().find(keyword);
    if (found == conninfo.keywords().end()) return std::nullopt;
    int number = 0;
    const std::string& text = found->second;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::chrono::seconds connect_timeout(const Conninfo& conninfo) {
    const int seconds = number_of(conninfo, "connect_timeout").value_or(0);
    return seconds > 0 ? std::chrono::seconds(seconds) : kConnectTimeout;
}

PGconn* start_connecting(Conninfo& conninfo, const std::string& application_name) {
    conninfo.set_default("fallback_application_name", application_name);
    // As the configuration is written. Both ends then name a table alike, whatever their encodings.
    conninfo.set("client_encoding", "UTF8");
    // A peer that vanished without a word is noticed within about a minute.
    conninfo.set_default("keepalives_idle", "20");
    conninfo.set_default("keepalives_interval", "10");
    conninfo.set_default("keepalives_count", "3");
    conninfo.set_default("tcp_user_timeout", std::to_string(kSilenceMax.count()));
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : conninfo.keywords()) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    return PQconnectStartParams(keywords.data(), values.data(), 0);
}

}  // namespace

Connection::Connection(Conninfo conninfo, const StopRequest& stop,
                       const std::string& application_name)
    : stop_(&stop), copy_buffer_(nullptr, PQfreemem) {
    const std::shared_ptr<ConninfoOrigin> origin = conninfo.origin();
    Conninfo latest = origin ? origin->latest(conninfo) : conninfo;
    std::optional<Error> failure = connect(latest, application_name);
    // Without a password where one is asked for libpq refuses by itself.
    const bool is_refused = failure && (failure->sqlstate().starts_with(kLoginRefused) ||
                                        PQconnectionNeedsPassword(native()) != 0);
    if (is_refused && origin) {
        origin->read_again();
        Conninfo now = origin->latest(conninfo);
        if (now.keywords() != latest.keywords()) {
            latest = std::move(now);
            failure = connect(latest, application_name);
        }
    }
    if (failure) throw *failure;
    PQsetErrorVerbosity(native(), PQERRORS_DEFAULT);
    PQsetnonblocking(native(), 1);
    PQsetNoticeReceiver(native(), discard_notice, nullptr);
    try {
        set_up_session(connect_timeout(latest));
    } catch (const Error& error) {
        // It is silent behind the login, as a pool is that has no server free: it is there.
        if (error.kind() != ErrorKind::connection || !error.sqlstate().empty()) throw;
        throw Error(error).sqlstate(std::string(kConnectionFailure));
    }
    reached_ = same_server(latest);
    // For an ordinary session, whatever the server has become.
    reached_.set("target_session_attrs", "any");
    reached_.set("replication", "false");
    const std::optional<int> silence_max = number_of(latest, "tcp_user_timeout");
    look_interval_ = silence_max ? std::chrono::milliseconds(*silence_max) : kSilenceMax;
    if (origin && origin->must_be_looked_at()) require_system(*origin);
}

// The error when there is no connection. libpq goes on to the next host by itself where one cannot
// be reached; but one that says nothing it waits for, for ever, and with one that ends the
// connection, as a proxy does in front of nothing, it ends as well.
std::optional<Error> Connection::connect(Conninfo conninfo, const std::string& application_name) {
    description_ = conninfo.describe();
    for (;;) {
        std::optional<Error> failure = connect_once(conninfo, application_name);
        if (!failure || !failure->sqlstate().empty() || PQconnectionNeedsPassword(native()) != 0)
            return failure;
        const bool is_silent = PQstatus(native()) != CONNECTION_BAD;
        const auto text = [](const char* value) { return value == nullptr ? "" : value; };
        const std::string host = text(PQhost(native()));
        const std::string port = text(PQport(native()));
        if (!conninfo.leave_out_through(host, port)) return failure;
        log::warning("host \"{}\", port {}, {}; trying the ones behind it", host, port,
                     is_silent ? "does not answer" : "gives no connection");
    }
}

std::optional<Error> Connection::connect_once(Conninfo conninfo,
                                              const std::string& application_name) {
    connection_.reset(start_connecting(conninfo, application_name));
    WALPACK_CHECK(connection_ != nullptr);
    PQsetErrorVerbosity(native(),
                        PQERRORS_VERBOSE);  // with the SQLSTATE, which is not to be had else
    const auto deadline = Clock::now() + connect_timeout(conninfo);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(native()) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED) break;
        const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!poll_socket(PQsocket(native()), events, *stop_, deadline)) {
            return Error(ErrorKind::connection,
                         fmt::format("could not connect to {}: no answer in time", description_));
        }
        state = PQconnectPoll(native());
    }
    if (PQstatus(native()) == CONNECTION_OK) return std::nullopt;
    const ConnectFailure failure = parse_connect_failure(PQerrorMessage(native()));
    return Error(ErrorKind::connection,
                 fmt::format("could not connect to {}: {}", description_, failure.message))
        .sqlstate(failure.sqlstate);
}

// An operator cannot be written with its schema, so the path of the role or database must not reach
// any statement of ours. Our queries of the catalogue take longer to compile than to run. And a
// session may wait long for the other server.
void Connection::set_up_session(std::chrono::seconds limit) {
    limit_silence(limit);
    std::string sql = "SET search_path = pg_catalog; SET jit = off";
    if (server_version() >= kVersionWithIdleTimeout) sql += "; SET idle_session_timeout = 0";
    // Decoding one transaction of the stream is one of the server's own.
    if (server_version() >= kVersionWithTransactionTimeout) sql += "; SET transaction_timeout = 0";
    // See silence.cpp.
    sql +=
        "; SELECT concat_ws(':', inet_server_addr(), inet_server_port()) || ' ' || pid || ' ' || "
        "extract(epoch FROM backend_start) FROM pg_stat_get_activity(pg_backend_pid())";
    backend_ = query_value(sql);
    limit_silence(std::chrono::milliseconds(0));
}

void Connection::require_system(const ConninfoOrigin& origin) {
    const Result result = execute("SELECT system_identifier FROM pg_catalog.pg_control_system()");
    const std::string_view text = result.value(0, 0);
    std::uint64_t identifier = 0;
    std::from_chars(text.data(), text.data() + text.size(), identifier);
    origin.require_system(identifier);
}

}  // namespace walpack
