// A test's own connection to a server, by plain libpq, so that nothing under test is trusted to
// observe itself. Used by one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace walpack::e2e {

// What the server refused, or a lost connection (SQLSTATE 08006).
class SqlError : public std::runtime_error {
  public:
    SqlError(const std::string& message, std::string sqlstate)
        : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}
    const std::string& sqlstate() const { return sqlstate_; }
    bool is_lost_connection() const;

  private:
    std::string sqlstate_;
};

using Row = std::vector<std::optional<std::string>>;

class Session {
  public:
    explicit Session(std::string conninfo);

    // Any number of statements, in UTF8; as one transaction unless they say otherwise. Connects
    // again first when the connection was lost since the last call.
    void execute(const std::string& sql);
    std::vector<Row> rows(const std::string& sql);
    // The first value of the first row; empty text for NULL or no row.
    std::string value(const std::string& sql);
    std::int64_t number(const std::string& sql);
    // As rows(), but false in place of an error that is a lost connection.
    bool try_execute(const std::string& sql);

    // Sends without waiting, so that a statement can block; finish() reads what came of it.
    void send(const std::string& sql);
    void finish();
    void disconnect();

  private:
    struct Finish {
        void operator()(pg_conn* connection) const;
    };
    struct Clear {
        void operator()(pg_result* result) const;
    };
    using ResultOwner = std::unique_ptr<pg_result, Clear>;

    void notice_end();
    void connect();
    ResultOwner run(const std::string& sql);
    [[noreturn]] void fail(const pg_result* result, const std::string& sql);

    std::string conninfo_;
    std::unique_ptr<pg_conn, Finish> connection_;
};

// Quoting for statements that tests put together.
std::string identifier(const std::string& name);
std::string literal(const std::string& text);

}  // namespace walpack::e2e
