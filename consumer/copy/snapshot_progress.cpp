#include "copy/snapshot_progress.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "copy/copy_activity.h"
#include "copy/copy_progress_text.h"
#include "copy/size_estimate.h"
#include "progress/progress.h"
#include "progress/walpack_table.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kViewInterval{500};
constexpr std::chrono::seconds kTargetInterval{1};
constexpr std::chrono::seconds kLogInterval{10};
constexpr std::chrono::seconds kTargetPatience{5};

}  // namespace

SnapshotProgress::SnapshotProgress(const SnapshotProgressOptions& options, const StopRequest& stop)
    : options_(options), stop_(stop) {}

SnapshotProgress::~SnapshotProgress() {
    if (options_.on_progress) options_.on_progress(std::nullopt);
}

void SnapshotProgress::plan(const std::vector<PublishedTable>& tables, Connection& source) {
    std::vector<std::uint32_t> oids;
    for (const PublishedTable& table : tables) oids.push_back(table.relation->oid);
    const auto estimates = read_size_estimates(source, oids);
    planned_.clear();
    for (const PublishedTable& table : tables) {
        TableFigures figures;
        figures.name = table.relation->qualified_name();
        if (const auto found = estimates.find(table.relation->oid); found != estimates.end()) {
            figures.rows_estimated = found->second.rows;
            figures.bytes_estimated = found->second.bytes;
        }
        planned_.push_back(std::move(figures));
    }
    progress_ = std::make_unique<CopyProgress>();
    for (const TableFigures& figures : planned_) progress_->add_table(figures);
    table_.reset();
}

void SnapshotProgress::begin(std::size_t table) {
    if (table_) progress_->set_state(*table_, TableCopyState::done);
    table_ = table;
    progress_->set_state(table, TableCopyState::copying);
    add(0, 0);
}

void SnapshotProgress::add(std::uint64_t rows, std::uint64_t bytes) {
    progress_->add(table_.value(), rows, bytes);
    const auto now = Clock::now();
    if (now - told_ < kViewInterval) return;
    told_ = now;
    tell(now);
}

void SnapshotProgress::restart() {
    progress_->restart_table(table_.value(), planned_.at(table_.value()));
    progress_->set_state(table_.value(), TableCopyState::copying);
}

void SnapshotProgress::finish() {
    if (table_) progress_->set_state(*table_, TableCopyState::done);
    tell(Clock::now());
}

void SnapshotProgress::tell(Clock::time_point now) {
    const CopyFigures figures = progress_->snapshot();
    if (options_.on_progress) {
        options_.on_progress(figures);
    } else if (now - log_told_ >= kLogInterval) {
        log_told_ = now;
        log::info("{}", progress_line(figures));
    }
    if (now - target_told_ < kTargetInterval) return;
    target_told_ = now;
    tell_target(figures);
}

void SnapshotProgress::prepare_target() {
    if (has_walpack_table(*target_, "copy_activity")) return;
    target_->execute("SET lock_timeout = '1s'");
    Transaction transaction(*target_);
    lock_schema(*target_);
    create_copy_activity_table(*target_);
    transaction.commit();
}

// Figures are told once more a second later: what goes wrong with them is no matter of the copy.
void SnapshotProgress::tell_target(const CopyFigures& figures) {
    try {
        if (target_ == nullptr) {
            target_ = std::make_unique<Connection>(options_.target, stop_, "walpack_copy");
            target_->limit_silence(kTargetPatience);
            prepare_target();
        }
        write_copy_activity(*target_, options_.pipeline, figures);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        target_.reset();
        target_told_ = Clock::now() + kLogInterval;  // it would only hold the copy up
        log::debug("the target could not be told how far the copy is: {}", error.message());
    }
}

}  // namespace walpack
