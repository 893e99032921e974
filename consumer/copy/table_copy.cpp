#include "copy/table_copy.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/accepted_rows.h"
#include "copy/chunk_load.h"
#include "copy/copy_error.h"
#include "copy/deferred_constraints.h"
#include "copy/source_rows.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 128 * 1024;  // rows are handed on in pieces of this size
constexpr std::chrono::seconds kReportInterval{10};

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of a copy too short to measure there is nothing to say.
std::string rate(std::uint64_t bytes, double seconds) {
    if (seconds < 0.1) return "";
    const double per_second = static_cast<double>(bytes) / seconds;
    return fmt::format(" ({}/s)", human_bytes(static_cast<std::uint64_t>(per_second)));
}

void report(const char* doing, const RelationMapping& mapping, const TableCopyResult& result,
            double seconds) {
    log::info("{} {}: {} rows, {} in {:.1f} s{}", doing, mapping.relation->qualified_name(),
              result.rows, human_bytes(result.bytes), seconds, rate(result.bytes, seconds));
}

class TableCopy {
  public:
    TableCopy(const PublishedTable& published, const RelationMapping& mapping,
              const CopySessions& sessions)
        : published_(published),
          mapping_(mapping),
          source_(sessions.source),
          target_(sessions.target),
          stop_(sessions.stop),
          rate_limit_(sessions.rate_limit) {}

    TableCopyResult run() {
        source_.copy_out_begin(copy_out_sql(published_, mapping_));
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
        const auto count = source_.query_value(select_sql(published_, "pg_catalog.count(*)"));
        const Result stored = target_.execute(
            fmt::format("INSERT INTO {} SELECT FROM pg_catalog.generate_series(1, $1::int8)",
                        mapping_.table->sql_name()),
            {count});
        result_.rows = stored.affected_rows();
        return result_;
    }

  private:
    void hand_on(std::string& piece) {
        rate_limit_.take(piece.size(), stop_);
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
        walpack::report(doing, mapping_, result_, seconds_since(start_));
    }

    const PublishedTable& published_;
    const RelationMapping& mapping_;
    Connection& source_;
    Connection& target_;
    const StopRequest& stop_;
    RateLimit& rate_limit_;
    TableCopyResult result_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point last_report_ = start_;
};

// A table as a chunk without bounds, whose target transaction goes on after a refused row.
class AcceptedTableCopy {
  public:
    AcceptedTableCopy(TableLoad load, const CopySessions& sessions, const LeftOutRows& left_out)
        : load_(std::move(load)),
          select_(select_rows_sql(load_, KeyRange{})),
          sessions_(sessions),
          target_(sessions.target),
          left_out_(left_out) {}

    LoadedRows run() {
        target_.execute("SAVEPOINT walpack_table");
        LoadedRows rows =
            load_rows(load_, select_, sessions_.source, target_, on_piece_, sessions_.stop);
        if (!rows.refusal && left_out_.asks_deferred)
            rows.refusal = refusal_of_deferred(target_, *load_.mapping);
        if (rows.refusal) {
            log::info("{}; the table is copied without such rows", rows.refusal->message());
            target_.execute("ROLLBACK TO SAVEPOINT walpack_table");
            so_far_ = {};
            rows = run_by_rows();
        }
        target_.execute("RELEASE SAVEPOINT walpack_table");
        if (left_out_.asks_deferred) target_.execute("SET CONSTRAINTS ALL DEFERRED");
        return rows;
    }

  private:
    LoadedRows run_by_rows() {
        if (left_out_.asks_deferred) check_at_once(target_);
        const auto on_refused = [this](RefusedCopyRow row) {
            row.settled_lsn = left_out_.settled_lsn;
            left_out_.taken.take(row, target_);
        };
        return load_accepted_rows(load_, select_, sessions_.source, target_, on_piece_, on_refused,
                                  sessions_.stop);
    }

    void count(std::uint64_t rows, std::uint64_t bytes) {
        sessions_.rate_limit.take(bytes, sessions_.stop);
        so_far_.rows += rows;
        so_far_.bytes += bytes;
        if (Clock::now() - last_report_ < kReportInterval) return;
        last_report_ = Clock::now();
        report("copying", *load_.mapping, so_far_, seconds_since(start_));
    }

    const TableLoad load_;
    const std::string select_;
    const CopySessions& sessions_;
    Connection& target_;
    const LeftOutRows& left_out_;
    const OnPiece on_piece_ = [this](std::uint64_t rows, std::uint64_t bytes) {
        count(rows, bytes);
    };
    TableCopyResult so_far_;
    const Clock::time_point start_ = Clock::now();
    Clock::time_point last_report_ = start_;
};

bool has_columns(const RelationMapping& mapping) {
    return std::ranges::any_of(mapping.columns, &ColumnMapping::is_written);
}

}  // namespace

std::string copy_out_sql(const PublishedTable& published, const RelationMapping& mapping) {
    return fmt::format("COPY ({}) TO STDOUT", select_sql(published, columns_at_source(mapping)));
}

TableCopyResult copy_table(const PublishedTable& published, const RelationMapping& mapping,
                           const CopySessions& sessions) {
    TableCopy copy(published, mapping, sessions);
    try {
        return has_columns(mapping) ? copy.run() : copy.run_without_columns();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        throw copy_error(mapping, error);
    }
}

TableCopyResult copy_table(const PublishedTable& published, const RelationMapping& mapping,
                           const CopySessions& sessions, const LeftOutRows& left_out) {
    if (!has_columns(mapping) || !left_out.taken.takes(published.name()))
        return copy_table(published, mapping, sessions);
    const auto start = Clock::now();
    TableLoad load = make_table_load(std::make_shared<const PublishedTable>(published),
                                     std::make_shared<const RelationMapping>(mapping), {});
    const LoadedRows rows = AcceptedTableCopy(std::move(load), sessions, left_out).run();
    report("copied", mapping, {rows.rows, rows.bytes}, seconds_since(start));
    return {rows.rows, rows.bytes};
}

}  // namespace walpack
