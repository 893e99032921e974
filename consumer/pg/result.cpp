#include "pg/result.h"

#include <algorithm>
#include <charconv>

#include <libpq-fe.h>

#include "base/check.h"

namespace walpack {
namespace {

std::string field(const pg_result* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? "" : text;
}

}  // namespace

// The line number parts the table's name, which may hold anything, from the column's.
std::string column_of_copy_context(std::string_view context) {
    constexpr std::string_view kBeforeLine = ", line ";
    constexpr std::string_view kBeforeColumn = ", column ";
    if (!context.starts_with("COPY ")) {
        const auto start = context.find("\nCOPY ");
        if (start == std::string_view::npos) return "";
        context.remove_prefix(start + 1);
    }
    context = context.substr(0, context.find('\n'));
    const auto line = context.find(kBeforeLine);
    if (line == std::string_view::npos) return "";
    context.remove_prefix(line + kBeforeLine.size());
    const auto digits = context.find_first_not_of("0123456789");
    if (digits == std::string_view::npos || !context.substr(digits).starts_with(kBeforeColumn))
        return "";
    context.remove_prefix(digits + kBeforeColumn.size());
    return std::string(context.substr(0, context.find(": ")));
}

// What a line quotes, a name or a statement, may hold anything.
bool is_context_of_function(std::string_view context) {
    while (!context.empty()) {
        const auto end = std::min(context.find('\n'), context.size());
        const std::string_view line = context.substr(0, end);
        if (line.starts_with("SQL function \"")) return true;
        const std::string_view head = line.substr(0, line.find_first_of("\"'("));
        if (head.find("PL/") != std::string_view::npos) return true;
        context.remove_prefix(std::min(end + 1, context.size()));
    }
    return false;
}

Result::Result(pg_result* owned) : result_(owned) {}

void Result::Clear::operator()(pg_result* result) const {
    PQclear(result);
}

ResultKind Result::kind() const {
    switch (PQresultStatus(result_.get())) {
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            return ResultKind::command;
        case PGRES_TUPLES_OK:
        case PGRES_SINGLE_TUPLE:
            return ResultKind::tuples;
        case PGRES_COPY_IN:
            return ResultKind::copy_in;
        case PGRES_COPY_OUT:
            return ResultKind::copy_out;
        case PGRES_COPY_BOTH:
            return ResultKind::copy_both;
        case PGRES_PIPELINE_SYNC:
            return ResultKind::pipeline_sync;
        case PGRES_PIPELINE_ABORTED:
            return ResultKind::aborted;
        default:
            return ResultKind::error;
    }
}

int Result::rows() const {
    return PQntuples(result_.get());
}

int Result::columns() const {
    return PQnfields(result_.get());
}

bool Result::is_null(int row, int column) const {
    WALPACK_CHECK(row < rows() && column < columns());
    return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Result::value(int row, int column) const {
    WALPACK_CHECK(row < rows() && column < columns());
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::uint64_t Result::affected_rows() const {
    const std::string_view text = PQcmdTuples(result_.get());
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

std::string Result::sqlstate() const {
    return field(result_.get(), PG_DIAG_SQLSTATE);
}
std::string Result::primary_message() const {
    return field(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
}
std::string Result::detail() const {
    return field(result_.get(), PG_DIAG_MESSAGE_DETAIL);
}
std::string Result::hint() const {
    return field(result_.get(), PG_DIAG_MESSAGE_HINT);
}
std::string Result::column_name() const {
    if (is_raised()) return "";
    const std::string name = field(result_.get(), PG_DIAG_COLUMN_NAME);
    return name.empty() ? column_of_copy_context(field(result_.get(), PG_DIAG_CONTEXT)) : name;
}
std::string Result::constraint_name() const {
    return is_raised() ? "" : field(result_.get(), PG_DIAG_CONSTRAINT_NAME);
}
std::string Result::schema_name() const {
    return is_raised() ? "" : field(result_.get(), PG_DIAG_SCHEMA_NAME);
}
bool Result::ends_session() const {
    const std::string severity = field(result_.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity == "FATAL" || severity == "PANIC";
}
std::string Result::source_file() const {
    const std::string path = field(result_.get(), PG_DIAG_SOURCE_FILE);
    return path.substr(path.find_last_of('/') + 1);
}
bool Result::is_raised() const {
    return field(result_.get(), PG_DIAG_SOURCE_FUNCTION) == "exec_stmt_raise";
}
bool Result::is_in_function() const {
    return is_context_of_function(field(result_.get(), PG_DIAG_CONTEXT));
}

}  // namespace walpack
