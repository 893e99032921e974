#include "copy/table_copy.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_error.h"
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

class TableCopy {
  public:
    TableCopy(const PublishedTable& published, const RelationMapping& mapping,
              const CopySessions& sessions)
        : published_(published),
          mapping_(mapping),
          source_(sessions.source),
          target_(sessions.target),
          stop_(sessions.stop) {}

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

    const PublishedTable& published_;
    const RelationMapping& mapping_;
    Connection& source_;
    Connection& target_;
    const StopRequest& stop_;
    TableCopyResult result_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point last_report_ = start_;
};

}  // namespace

std::string copy_out_sql(const PublishedTable& published, const RelationMapping& mapping) {
    return fmt::format("COPY ({}) TO STDOUT", select_sql(published, columns_at_source(mapping)));
}

TableCopyResult copy_table(const PublishedTable& published, const RelationMapping& mapping,
                           const CopySessions& sessions) {
    TableCopy copy(published, mapping, sessions);
    try {
        const bool has_columns = std::ranges::any_of(mapping.columns, &ColumnMapping::is_written);
        return has_columns ? copy.run() : copy.run_without_columns();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        throw copy_error(mapping, error);
    }
}

}  // namespace walpack
