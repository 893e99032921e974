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
    std::string column_name() const;      // PG_DIAG_COLUMN_NAME
    std::string constraint_name() const;  // PG_DIAG_CONSTRAINT_NAME

  private:
    struct Clear {
        void operator()(pg_result* result) const;
    };
    std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace walpack
