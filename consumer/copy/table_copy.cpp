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

// Of a copy too short to measure there is nothing to say.
std::string rate(std::uint64_t bytes, double seconds) {
    if (seconds < 0.1) return "";
    const double per_second = static_cast<double>(bytes) / seconds;
    return fmt::format(" ({}/s)", human_bytes(static_cast<std::uint64_t>(per_second)));
}

void log_copied(const RelationMapping& mapping, const TableCopyResult& result,
                Clock::time_point start) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    log::info("copied {}: {} rows, {} in {:.1f} s{}", mapping.relation->qualified_name(),
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
          on_piece_(sessions.on_piece) {}

    TableCopyResult run() {
        source_.copy_out_begin(copy_out_sql(published_, mapping_));
        target_.copy_in_begin(copy_in_sql(mapping_));
        std::string piece;
        while (const auto row = source_.copy_out_get()) {
            ++result_.rows;
            ++piece_rows_;
            result_.bytes += row->size();
            piece += *row;
            if (piece.size() < kPieceBytes) continue;
            hand_on(piece);
        }
        if (!piece.empty()) hand_on(piece);
        check_count(target_.copy_in_finish());
        log_copied(mapping_, result_, start_);
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
        on_piece_(std::exchange(piece_rows_, 0), piece.size());
        target_.copy_in_put(piece);
        piece.clear();
    }

    // A trigger that fires for us or a rule may have kept rows away.
    void check_count(std::uint64_t stored) const {
        if (stored == result_.rows) return;
        throw Error(ErrorKind::conflict,
                    fmt::format("the target stored {} of {} rows", stored, result_.rows))
            .hint("A trigger or rule of the target diverts or suppresses rows.");
    }

    const PublishedTable& published_;
    const RelationMapping& mapping_;
    Connection& source_;
    Connection& target_;
    const OnPiece& on_piece_;
    TableCopyResult result_;
    std::uint64_t piece_rows_ = 0;
    const Clock::time_point start_ = Clock::now();
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
        LoadedRows rows = load_rows(load_, select_, sessions_.source, target_, sessions_.on_piece,
                                    sessions_.stop);
        if (!rows.refusal && left_out_.asks_deferred)
            rows.refusal = refusal_of_deferred(target_, *load_.mapping);
        if (rows.refusal) {
            log::info("{}; the table is copied without such rows", rows.refusal->message());
            target_.execute("ROLLBACK TO SAVEPOINT walpack_table");
            sessions_.on_restart();
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
        return load_accepted_rows(load_, select_, sessions_.source, target_, sessions_.on_piece,
                                  on_refused, sessions_.stop);
    }

    const TableLoad load_;
    const std::string select_;
    const CopySessions& sessions_;
    Connection& target_;
    const LeftOutRows& left_out_;
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
    log_copied(mapping, {rows.rows, rows.bytes}, start);
    return {rows.rows, rows.bytes};
}

}  // namespace walpack
