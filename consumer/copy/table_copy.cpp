#include "copy/table_copy.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 128 * 1024;  // rows are handed on in pieces of this size
constexpr std::chrono::seconds kReportInterval{10};

std::string source_name(const Relation& relation) {
    return quote_identifier(relation.schema) + '.' + quote_identifier(relation.name);
}

std::string column_at_source(const RelationMapping& mapping, const ColumnMapping& column) {
    const Attribute& attribute = mapping.relation->attributes[column.attribute];
    const bool is_widened = attribute.kind != column.sent_as.kind;
    return quote_identifier(attribute.name) +
           (is_widened ? "::pg_catalog." + quote_identifier(column.column->type_name) : "");
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of a copy too short to measure there is nothing to say.
std::string rate(std::uint64_t bytes, double seconds) {
    if (seconds < 0.1) return "";
    const double per_second = static_cast<double>(bytes) / seconds;
    return fmt::format(" ({}/s)", human_bytes(static_cast<std::uint64_t>(per_second)));
}

// Server messages about a value hold it after a colon, in quotes.
std::string without_value(const std::string& message) {
    return message.substr(0, message.find(": \""));
}

class TableCopy {
  public:
    TableCopy(const RelationMapping& mapping, Connection& source, Connection& target,
              const StopRequest& stop)
        : mapping_(mapping), source_(source), target_(target), stop_(stop) {}

    TableCopyResult run() {
        source_.copy_out_begin(copy_out_sql(mapping_));
        target_.copy_in_begin(copy_in_sql(mapping_));
        std::string piece;
        while (const auto row = source_.copy_out_get()) {
            ++result_.rows;
            result_.bytes += row->size();
            piece += *row;
            if (piece.size() < kPieceBytes) continue;
            hand_on(piece);
        }
        if (!piece.empty()) hand_on(piece);
        check_count(target_.copy_in_finish());
        report("copied");
        return result_;
    }

    // A table without columns still has rows, and COPY cannot name no columns.
    TableCopyResult run_without_columns() {
        const auto count = source_.query_value("SELECT pg_catalog.count(*) FROM ONLY " +
                                               source_name(*mapping_.relation));
        const Result stored = target_.execute(
            fmt::format("INSERT INTO {} SELECT FROM pg_catalog.generate_series(1, $1::int8)",
                        mapping_.table->sql_name()),
            {count});
        result_.rows = stored.affected_rows();
        return result_;
    }

  private:
    void hand_on(std::string& piece) {
        stop_.throw_if_requested();
        target_.copy_in_put(piece);
        piece.clear();
        if (Clock::now() - last_report_ < kReportInterval) return;
        last_report_ = Clock::now();
        report("copying");
    }

    // A trigger that fires for us or a rule may have kept rows away.
    void check_count(std::uint64_t stored) const {
        if (stored == result_.rows) return;
        throw Error(ErrorKind::conflict,
                    fmt::format("the target stored {} of {} rows", stored, result_.rows))
            .hint("A trigger or rule of the target diverts or suppresses rows.");
    }

    void report(const char* doing) const {
        const double seconds = seconds_since(start_);
        log::info("{} {}: {} rows, {} in {:.1f} s{}", doing, mapping_.relation->qualified_name(),
                  result_.rows, human_bytes(result_.bytes), seconds, rate(result_.bytes, seconds));
    }

    const RelationMapping& mapping_;
    Connection& source_;
    Connection& target_;
    const StopRequest& stop_;
    TableCopyResult result_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point last_report_ = start_;
};

}  // namespace

std::string copy_out_sql(const RelationMapping& mapping) {
    std::string columns;
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.is_written()) continue;
        columns += (columns.empty() ? "" : ", ") + column_at_source(mapping, column);
    }
    return fmt::format("COPY (SELECT {} FROM ONLY {}) TO STDOUT", columns,
                       source_name(*mapping.relation));
}

std::string copy_in_sql(const RelationMapping& mapping) {
    std::string columns;
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.is_written()) continue;
        columns += (columns.empty() ? "" : ", ") + quote_identifier(column.column->name);
    }
    return fmt::format("COPY {} ({}) FROM STDIN", mapping.table->sql_name(), columns);
}

TableCopyResult copy_table(const RelationMapping& mapping, Connection& source, Connection& target,
                           const StopRequest& stop) {
    TableCopy copy(mapping, source, target, stop);
    try {
        const bool has_columns = std::ranges::any_of(mapping.columns, &ColumnMapping::is_written);
        return has_columns ? copy.run() : copy.run_without_columns();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        const bool is_about_values =
            error.kind() == ErrorKind::value || error.kind() == ErrorKind::conflict;
        const std::string reason =
            is_about_values ? without_value(error.message()) : error.message();
        throw Error(error.kind(), fmt::format("copy of \"{}\" failed: {}",
                                              mapping.relation->qualified_name(), reason))
            .sqlstate(error.sqlstate())
            .hint(error.hint());
    }
}

}  // namespace walpack
