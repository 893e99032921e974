// The part of CopyJob that tells how far the copy is: the log, the view, and walpack.copy_activity.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "copy/copy_activity.h"
#include "copy/copy_job.h"
#include "copy/copy_progress_text.h"
#include "copy/size_estimate.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReportInterval{10};
constexpr std::chrono::milliseconds kViewInterval{500};

}  // namespace

// All of them, as the share that is copied and the time that is left are those of all; unless a
// complete copy is taken up, in which single tables may be copied again.
void CopyJob::show_tables(Connection& source, Connection& target) {
    std::vector<std::uint32_t> unplanned;
    bool is_complete = true;
    for (const auto& [name, table] : tables_.by_name) {
        if (table->stored.state == TableState::ready) continue;
        is_complete = false;
        if (table->parts.empty()) unplanned.push_back(table->stored.oid);
    }
    if (is_complete) return;
    std::map<std::string, TableFigures> stored;
    for (TableFigures& figures : catalog_.figures(target))
        stored[figures.name] = std::move(figures);
    const auto estimates = read_size_estimates(source, unplanned);
    for (const auto& [name, table] : tables_.by_name) {
        TableFigures figures = table->figures();
        const bool is_ready = table->stored.state == TableState::ready;
        if (const auto found = stored.find(figures.name); is_ready && found != stored.end())
            figures = found->second;
        if (const auto found = estimates.find(table->stored.oid); found != estimates.end()) {
            figures.rows_estimated = found->second.rows;
            figures.bytes_estimated = found->second.bytes;
        }
        table->progress_number = progress_.add_table(std::move(figures));
        table->is_shown = true;
    }
}

void CopyJob::take_states() {
    const std::lock_guard lock(tables_.mutex);
    for (const auto& [name, table] : tables_.by_name) {
        if (!table->is_shown) continue;
        const TableFigures gone = std::exchange(table->taken_back, {});
        progress_.take_back(table->progress_number, gone.rows, gone.bytes);
        progress_.reopen_chunks(table->progress_number, gone.chunks_done);
        progress_.set_state(table->progress_number, shown_state(table->stored.state));
    }
}

void CopyJob::report(Clock::time_point& reported) {
    const Clock::duration interval =
        options_.on_progress ? Clock::duration(kViewInterval) : Clock::duration(kReportInterval);
    if (is_complete_ || Clock::now() - reported < interval) return;
    reported = Clock::now();
    take_states();
    const CopyFigures figures = progress_.snapshot();
    options_.on_progress ? options_.on_progress(figures) : log::info("{}", progress_line(figures));
}

void CopyJob::tell_target(Connection& target) {
    if (is_complete_) return;
    take_states();
    CopyFigures figures = progress_.snapshot();
    // walpack.copy_table has the others.
    std::erase_if(figures.tables,
                  [](const TableFigures& table) { return table.state != TableCopyState::copying; });
    write_copy_activity(target, options_.start.pipeline, figures);
}

}  // namespace walpack
