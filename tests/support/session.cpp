#include "support/session.h"

#include <cstdlib>

#include <libpq-fe.h>

namespace walpack::e2e {

bool SqlError::is_lost_connection() const {
    // Class 57P: admin shutdown, crash shutdown, cannot connect now.
    return sqlstate_.starts_with("08") || sqlstate_.starts_with("57P");
}

void Session::Finish::operator()(pg_conn* connection) const {
    PQfinish(connection);
}
void Session::Clear::operator()(pg_result* result) const {
    PQclear(result);
}

Session::Session(std::string conninfo) : conninfo_(std::move(conninfo)) {}

// The server may have ended the session since the last call: its last words and the end of the
// stream are two reads.
void Session::notice_end() {
    for (int read = 0; connection_ && read < 2; ++read) (void)PQconsumeInput(connection_.get());
    if (connection_ && PQstatus(connection_.get()) != CONNECTION_OK) connection_.reset();
}

void Session::connect() {
    notice_end();
    if (connection_) return;
    const std::string conninfo =
        conninfo_ + " connect_timeout=10 client_encoding=UTF8 fallback_application_name=test";
    connection_.reset(PQconnectdb(conninfo.c_str()));
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        const std::string message = PQerrorMessage(connection_.get());
        connection_.reset();
        throw SqlError(message, "08001");
    }
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
}

void Session::fail(const pg_result* result, const std::string& sql) {
    const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const bool is_lost = PQstatus(connection_.get()) != CONNECTION_OK;
    std::string state = sqlstate != nullptr ? sqlstate : "08006";
    const std::string message = std::string(PQerrorMessage(connection_.get())) +
                                "in: " + (sql.size() > 300 ? sql.substr(0, 300) + "..." : sql);
    if (is_lost) connection_.reset();
    throw SqlError(message, is_lost ? "08006" : state);
}

Session::ResultOwner Session::run(const std::string& sql) {
    connect();
    ResultOwner result(PQexec(connection_.get(), sql.c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        fail(result.get(), sql);
    }
    return result;
}

void Session::execute(const std::string& sql) {
    (void)run(sql);
}

std::vector<Row> Session::rows(const std::string& sql) {
    const ResultOwner result = run(sql);
    std::vector<Row> rows;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        Row& values = rows.emplace_back();
        for (int column = 0; column < PQnfields(result.get()); ++column) {
            if (PQgetisnull(result.get(), row, column) != 0) {
                values.emplace_back(std::nullopt);
            } else {
                values.emplace_back(
                    std::string(PQgetvalue(result.get(), row, column),
                                static_cast<std::size_t>(PQgetlength(result.get(), row, column))));
            }
        }
    }
    return rows;
}

std::string Session::value(const std::string& sql) {
    const std::vector<Row> all = rows(sql);
    if (all.empty() || all[0].empty()) return "";
    return all[0][0].value_or("");
}

std::int64_t Session::number(const std::string& sql) {
    return std::strtoll(value(sql).c_str(), nullptr, 10);
}

bool Session::try_execute(const std::string& sql) {
    try {
        execute(sql);
        return true;
    } catch (const SqlError& error) {
        if (!error.is_lost_connection()) throw;
        return false;
    }
}

void Session::send(const std::string& sql) {
    connect();
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) fail(nullptr, sql);
}

void Session::finish() {
    while (ResultOwner result{PQgetResult(connection_.get())}) {
        if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) fail(result.get(), "(sent earlier)");
    }
}

void Session::disconnect() {
    connection_.reset();
}

std::string identifier(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

std::string literal(const std::string& text) {
    std::string out = text.find('\\') == std::string::npos ? "'" : " E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
    }
    return out + "'";
}

}  // namespace walpack::e2e
