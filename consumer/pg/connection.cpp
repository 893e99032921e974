#include "pg/connection.h"

#include <array>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/check.h"
#include "pg/poll_socket.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargeBytes = std::size_t{32} << 20;

// libpq's text without its trailing newline. It never holds a password.
std::string message_of(const PGconn* connection) {
    std::string text = PQerrorMessage(connection);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

}  // namespace

Connection::~Connection() = default;

void Connection::Finish::operator()(pg_conn* connection) const {
    PQfinish(connection);
}

void Connection::throw_lost(const std::string& doing) const {
    throw Error(ErrorKind::connection, fmt::format("lost the connection to {} while {}: {}",
                                                   description_, doing, message_of(native())));
}

// Each time that a non-blocking socket is full, libpq moves all that is left to the front of its
// buffer: of a value of a gigabyte that takes minutes. Blocking, it moves nothing. A requested stop
// then waits for the target to take the value, or for tcp_user_timeout.
class Connection::BlockingSend {
  public:
    BlockingSend(Connection& connection, std::size_t bytes)
        : connection_(connection), is_blocking_(bytes > kLargeBytes) {
        if (!is_blocking_) return;
        connection_.flush();  // the mode changes only while nothing is buffered
        PQsetnonblocking(connection_.native(), 0);
    }
    ~BlockingSend() {
        if (is_blocking_) PQsetnonblocking(connection_.native(), 1);
    }
    BlockingSend(const BlockingSend&) = delete;
    BlockingSend& operator=(const BlockingSend&) = delete;

  private:
    Connection& connection_;
    bool is_blocking_;
};

void Connection::flush() {
    while (true) {
        const int state = PQflush(native());
        if (state == 0) break;
        if (state < 0) throw_lost("sending");
        wait(POLLIN | POLLOUT);
        if (PQconsumeInput(native()) == 0) throw_lost("sending");
    }
    unflushed_ = 0;
}

bool Connection::try_flush() {
    const int state = PQflush(native());
    if (state < 0) throw_lost("sending");
    if (state == 0) unflushed_ = 0;
    return state == 0;
}

void Connection::count_unflushed(std::size_t bytes) {
    unflushed_ += bytes;
    if (unflushed_ > unflushed_max_) flush();
}

bool Connection::take_results(std::optional<Result>& kept) {
    while (PQisBusy(native()) == 0) {
        PGresult* raw = PQgetResult(native());
        if (raw == nullptr) return true;
        Result result(raw);
        const ResultKind kind = result.kind();
        const bool keeps_error = kept && kept->kind() == ResultKind::error;
        if (!keeps_error) kept.emplace(std::move(result));
        const bool is_copy = kind == ResultKind::copy_in || kind == ResultKind::copy_out ||
                             kind == ResultKind::copy_both;
        if (is_copy) return true;
    }
    return false;
}

// Reads every result of one command; returns the last, throws the first error.
Result Connection::collect(const std::string& doing) {
    Result result = collect_any(doing);
    if (result.kind() == ResultKind::error) throw_result_error(result, doing);
    return result;
}

Result Connection::collect_any(const std::string& doing) {
    flush();
    std::optional<Result> kept;
    while (!take_results(kept)) {
        wait(POLLIN);
        if (PQconsumeInput(native()) == 0) throw_lost(doing);
    }
    if (!kept) throw_lost(doing);
    if (kept->kind() == ResultKind::error && kept->sqlstate().empty()) throw_lost(doing);
    return std::move(*kept);
}

Result Connection::execute(const std::string& sql) {
    Result result = execute_any(sql);
    if (result.kind() == ResultKind::error) throw_result_error(result, "run a command");
    return result;
}

Result Connection::execute_any(const std::string& sql) {
    WALPACK_CHECK(!in_pipeline());
    if (PQsendQuery(native(), sql.c_str()) == 0) throw_lost("sending a command");
    return collect_any("run a command");
}

Result Connection::execute(const std::string& sql,
                           std::span<const std::optional<std::string>> parameters) {
    WALPACK_CHECK(!in_pipeline());
    std::vector<const char*> values;
    for (const auto& parameter : parameters) {
        values.push_back(parameter ? parameter->c_str() : nullptr);
    }
    const int count = static_cast<int>(values.size());
    const int is_sent = keeps_statements_
                            ? PQsendQueryPrepared(native(), prepare_kept(sql).c_str(), count,
                                                  values.data(), nullptr, nullptr, 0)
                            : PQsendQueryParams(native(), sql.c_str(), count, nullptr,
                                                values.data(), nullptr, nullptr, 0);
    if (is_sent == 0) throw_lost("sending a command");
    return collect("run a command");
}

void Connection::keep_statements() {
    execute("SET plan_cache_mode = force_generic_plan");
    keeps_statements_ = true;
}

// A name lasts as long as the session, also when its transaction is rolled back.
const std::string& Connection::prepare_kept(const std::string& sql) {
    const auto found = kept_statements_.find(sql);
    if (found != kept_statements_.end()) return found->second;
    // The server may have one whose answer did not come.
    const std::string name = fmt::format("walpack_kept_{}", kept_names_++);
    if (PQsendPrepare(native(), name.c_str(), sql.c_str(), 0, nullptr) == 0)
        throw_lost("sending a command");
    collect("prepare a command");
    return kept_statements_.emplace(sql, name).first->second;
}

std::optional<std::string> Connection::query_value(
    const std::string& sql, std::initializer_list<std::optional<std::string>> parameters) {
    const Result result = parameters.size() == 0 ? execute(sql) : execute(sql, parameters);
    if (result.rows() == 0 || result.is_null(0, 0)) return std::nullopt;
    return std::string(result.value(0, 0));
}

void Connection::enter_pipeline() {
    if (PQenterPipelineMode(native()) == 0) throw_lost("starting a pipeline");
    result_open_ = false;
}

void Connection::exit_pipeline() {
    // The NULL that ends the last query's results may still be unread.
    if (result_open_) take_terminator();
    if (PQexitPipelineMode(native()) == 0) throw_lost("ending a pipeline");
}

bool Connection::in_pipeline() const {
    return PQpipelineStatus(native()) != PQ_PIPELINE_OFF;
}

void Connection::send_prepare(const std::string& name, const std::string& sql,
                              const std::vector<std::uint32_t>& type_oids) {
    const auto count = static_cast<int>(type_oids.size());
    if (PQsendPrepare(native(), name.c_str(), sql.c_str(), count, type_oids.data()) == 0) {
        throw_lost("preparing a statement");
    }
    count_unflushed(sql.size() + type_oids.size() * 4);
}

void Connection::send_prepared(const std::string& name, Parameters& parameters) {
    parameters.point_at_values();
    const BlockingSend blocking(*this, parameters.bytes());
    if (PQsendQueryPrepared(native(), name.c_str(), parameters.count(), parameters.values_.data(),
                            parameters.lengths_.data(), parameters.formats_.data(), 0) == 0) {
        throw_lost("sending a statement");
    }
    count_unflushed(parameters.bytes() + parameters.entries_.size() * 6 + 32);
}

void Connection::send_query(const std::string& sql, Parameters& parameters,
                            const std::vector<std::uint32_t>& type_oids) {
    parameters.point_at_values();
    const BlockingSend blocking(*this, parameters.bytes());
    if (PQsendQueryParams(native(), sql.c_str(), parameters.count(),
                          type_oids.empty() ? nullptr : type_oids.data(), parameters.values_.data(),
                          parameters.lengths_.data(), parameters.formats_.data(), 0) == 0) {
        throw_lost("sending a statement");
    }
    count_unflushed(sql.size() + parameters.bytes() + 64);
}

void Connection::send_sync() {
    if (PQpipelineSync(native()) == 0) throw_lost("sending");
}

void Connection::send_flush_request() {
    if (PQsendFlushRequest(native()) == 0) throw_lost("sending");
}

Result Connection::next_result() {
    flush();
    while (true) {
        while (PQisBusy(native()) != 0) {
            wait(POLLIN);
            if (PQconsumeInput(native()) == 0) throw_lost("waiting for a result");
        }
        PGresult* raw = PQgetResult(native());
        if (raw == nullptr) {
            // The end of one query's results; a second NULL in a row means that nothing is pending.
            if (!result_open_) throw_lost("waiting for a result");
            result_open_ = false;
            continue;
        }
        Result result(raw);
        result_open_ = result.kind() != ResultKind::pipeline_sync;
        if (result.kind() == ResultKind::error && result.sqlstate().empty()) {
            throw_lost("waiting for a result");
        }
        return result;
    }
}

// Nothing here runs several commands in one statement, so a NULL follows each result; unless the
// server went away just then.
void Connection::take_terminator() {
    result_open_ = false;
    PGresult* raw = PQgetResult(native());
    if (raw != nullptr) throw_result_error(Result(raw), "read a result");
}

bool Connection::result_is_ready() {
    if (PQconsumeInput(native()) == 0) throw_lost("waiting for a result");
    if (PQisBusy(native()) != 0) return false;
    if (!result_open_) return true;
    take_terminator();
    return PQisBusy(native()) == 0;
}

Conninfo Connection::same_server(Conninfo conninfo) const {
    const char* host = PQhost(native());
    const char* port = PQport(native());
    const char* address = PQhostaddr(native());
    if (host == nullptr || port == nullptr) return conninfo;
    conninfo.set("host", host);
    conninfo.set("port", port);
    // Looking a name up may take long, and cannot be ended. A socket has no address.
    if (address != nullptr) conninfo.set("hostaddr", address);
    return conninfo;
}

int Connection::server_version() const {
    return PQserverVersion(native());
}

std::string Connection::parameter_status(const std::string& name) const {
    const char* value = PQparameterStatus(native(), name.c_str());
    return value == nullptr ? "" : value;
}

int Connection::backend_pid() const {
    return PQbackendPID(native());
}

int Connection::socket() const {
    return PQsocket(native());
}

void Connection::cancel() noexcept {
    const std::unique_ptr<PGcancel, void (*)(PGcancel*)> handle(PQgetCancel(native()),
                                                                PQfreeCancel);
    std::array<char, 256> ignored{};
    if (handle) PQcancel(handle.get(), ignored.data(), ignored.size());
}

Transaction::Transaction(Connection& connection, const std::string& begin)
    : connection_(connection) {
    connection_.execute(begin);
}

Transaction::~Transaction() {
    if (!open_) return;
    try {
        connection_.execute("ROLLBACK");
    } catch (const Error&) {
        // The connection is gone or a stop was requested: the server rolls back by itself.
        open_ = false;
    }
}

void Transaction::commit() {
    open_ = false;
    connection_.execute("COMMIT");
}

}  // namespace walpack
