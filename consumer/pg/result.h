// Owner of a PGresult.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct pg_result;

namespace walpack {

enum class ResultKind {
    command,
    tuples,
    copy_in,
    copy_out,
    copy_both,
    pipeline_sync,
    aborted,
    error
};

// The column that the context of a failed COPY names ("COPY t, line 3, column v: ..."); empty
// without one. What follows the name is a value, and never part of the answer; a name that itself
// holds ": " comes out cut.
std::string column_of_copy_context(std::string_view context);

// Whether a line of an error's context is that of a function: "PL/pgSQL function f() line 3 at SQL
// statement", "SQL function "f" statement 1". Other languages of messages say "PL/" alike, and may
// go unnoticed for functions in SQL.
bool is_context_of_function(std::string_view context);

class Result {
  public:
    explicit Result(pg_result* owned);

    ResultKind kind() const;
    int rows() const;
    int columns() const;
    bool is_null(int row, int column) const;
    // Valid as long as this Result. Row and column must exist.
    std::string_view value(int row, int column) const;
    // Rows that an INSERT, UPDATE, DELETE or COPY touched; 0 for other commands.
    std::uint64_t affected_rows() const;

    // Of an error result; empty otherwise.
    std::string sqlstate() const;
    std::string primary_message() const;
    std::string detail() const;
    std::string hint() const;
    // PG_DIAG_COLUMN_NAME, or the column where a COPY failed. That one stands in the context, with
    // the value behind it, which stays there. The names are empty where is_raised().
    std::string column_name() const;
    std::string constraint_name() const;  // PG_DIAG_CONSTRAINT_NAME
    std::string schema_name() const;      // PG_DIAG_SCHEMA_NAME; empty where is_raised()
    // FATAL or PANIC: the session is over.
    bool ends_session() const;
    // The file of the server's source that reported it, such as "md.c".
    std::string source_file() const;
    // Whether its text is that of a function's RAISE, which may say anything.
    bool is_raised() const;
    // Whether it arose inside of a function of the database.
    bool is_in_function() const;

  private:
    struct Clear {
        void operator()(pg_result* result) const;
    };
    std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace walpack
