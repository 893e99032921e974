#include "service/transaction_control.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kPollInterval{1000};
constexpr std::chrono::milliseconds kWaitInterval{50};
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TransactionControl::TransactionControl(TransactionSink& next, Applier& applier, Connection& target,
                                       const std::string& pipeline,
                                       TransactionControlOptions options)
    : next_(next),
      applier_(applier),
      target_(target),
      table_(pipeline),
      options_(std::move(options)),
      is_usable_(RequestTable::ensure(target)) {
    if (is_usable_) {
        held_ = table_.read_held(target_);
        read_requests();
    }
    if (is_usable_ || options_.hold_over_rows == 0) return;
    throw Error(ErrorKind::config, "the target has no tables for transactions that are held")
        .hint(
            "Run \"walpack init\" as the owner of schema walpack, which makes walpack.request and "
            "walpack.held_transaction, and grant SELECT, INSERT, UPDATE and DELETE on them; or set "
            "hold_transaction_over_rows to 0.");
}

// While tables are copied the stream may begin before the position, with changes that go where the
// copy is not complete: what was left out of it is left out again.
void TransactionControl::read_requests() {
    polled_ = Clock::now();
    requests_ = table_.read(target_, options_.from);
    std::vector<Lsn> unknown;
    for (SkipRequest& skip : requests_.skips) {
        if (skip.is_done || skip.commit_lsn.is_valid()) continue;
        if (names_held_by_end(skip.lsn)) {
            skip.commit_lsn = held_->transaction.commit_lsn;
            table_.note_found(target_, skip.lsn, skip.commit_lsn);
            continue;
        }
        unknown.push_back(skip.lsn);
        if (skip.lsn >= applier_.applied_lsn() || search_.is_running()) continue;
        table_.refuse_skip(target_, skip.lsn);
        log::warning("nothing is left out for {}, which lies before the applied position",
                     skip.lsn.to_string());
    }
    search_.look_for(std::move(unknown));
}

// Another transaction may commit where the held one ends. But nothing behind it was tried yet, so
// it is the held one that is meant.
bool TransactionControl::names_held_by_end(Lsn lsn) const {
    return held_ && held_->is_counted && held_->transaction.end_lsn == lsn;
}

void TransactionControl::poll() {
    if (is_usable_ && Clock::now() - polled_ >= kPollInterval) read_requests();
}

TransactionControl::Way TransactionControl::way_of(Lsn commit_lsn) {
    const bool is_applied = commit_lsn < applier_.position();
    if (search_.is_running()) {
        settle(search_.begin(commit_lsn));
        return Way::read_ahead;
    }
    if (take_skip(commit_lsn, is_applied)) return Way::leave_out;
    if (is_applied) return Way::pass_on;
    if (search_.may_end_at_one(commit_lsn)) {
        log::info("reading ahead to find the transaction that is to be left out");
        search_.start(commit_lsn);
        return Way::read_ahead;
    }
    return is_held(commit_lsn) ? Way::count : Way::pass_on;
}

bool TransactionControl::take_skip(Lsn commit_lsn, bool is_applied) {
    const SkipRequest* const skip = requests_.find_skip(commit_lsn);
    if (skip == nullptr || (is_applied && !skip->is_done)) return false;
    skip_lsn_ = skip->lsn;
    return true;
}

bool TransactionControl::is_held(Lsn commit_lsn) const {
    return options_.hold_over_rows > 0 && held_ && held_->transaction.commit_lsn == commit_lsn &&
           held_->transaction.rows > options_.hold_over_rows && !requests_.has_release(commit_lsn);
}

void TransactionControl::begin(const Begin& begin) {
    begin_ = begin;
    summary_ = {};
    summary_.xid = begin.xid;
    summary_.commit_lsn = begin.commit_lsn;
    summary_.commit_time = begin.commit_time;
    way_ = way_of(begin.commit_lsn);
    if (way_ == Way::pass_on) {
        const bool may_be_held = options_.hold_over_rows > 0 &&
                                 begin.commit_lsn >= applier_.position() &&
                                 !requests_.has_release(begin.commit_lsn);
        rows_max_ = may_be_held ? options_.hold_over_rows : kNoLimit;
        return next_.begin(begin);
    }
    // It may take long: nothing of what came before may keep its locks meanwhile.
    applier_.commit_group(way_ == Way::count);
}

void TransactionControl::origin(const Origin& origin) {
    if (way_ == Way::pass_on) next_.origin(origin);
}

void TransactionControl::message(const LogicalMessage& message) {
    if (way_ == Way::pass_on) next_.message(message);
}

void TransactionControl::change(const RowChange& change) {
    ++summary_.rows;
    if (way_ != Way::pass_on) {
        summary_.tables.insert(change.relation->qualified_name());
        return;
    }
    if (summary_.rows > rows_max_) hold();
    next_.change(change);
}

void TransactionControl::truncate(const Truncate& truncate) {
    if (way_ == Way::pass_on) return next_.truncate(truncate);
    for (const auto& relation : truncate.relations)
        summary_.tables.insert(relation->qualified_name());
}

void TransactionControl::commit(const Commit& commit) {
    summary_.end_lsn = commit.end_lsn;
    switch (way_) {
        case Way::pass_on:
            finish_held();
            return next_.commit(commit);
        case Way::leave_out:
            return leave_out(commit);
        case Way::read_ahead:
            return search_.commit(commit.commit_lsn, commit.end_lsn);
        case Way::count:
            wait_for_release();
            return leave_out(commit);
    }
}

// Also one that was held and is small enough for the limit of now.
void TransactionControl::finish_held() {
    const bool was_held = held_ && held_->transaction.commit_lsn == summary_.commit_lsn;
    if (!was_held || applier_.skips_current()) return;
    applier_.add_command(
        {table_.held_done_sql(summary_), "note that a held transaction is applied"});
    log::info("transaction {} at {}, which was held, is applied: {} rows", summary_.xid,
              summary_.commit_lsn.to_string(), summary_.rows);
    held_.reset();
}

void TransactionControl::leave_out(const Commit& commit) {
    next_.begin(begin_);
    if (!applier_.skips_current()) {
        applier_.add_command(
            {table_.skip_done_sql(skip_lsn_, summary_), "note a skipped transaction"});
        log::warning("transaction {} at {} is left out as requested: {}", summary_.xid,
                     summary_.commit_lsn.to_string(), summary_.describe());
        held_.reset();
    }
    next_.commit(commit);
}

void TransactionControl::settle(const std::vector<FoundTransaction>& found) {
    if (found.empty()) return;
    for (const FoundTransaction& each : found) {
        if (each.commit_lsn) {
            table_.note_found(target_, each.lsn, *each.commit_lsn);
        } else {
            table_.refuse_skip(target_, each.lsn);
            log::warning("nothing is left out for {}: no transaction commits or ends there",
                         each.lsn.to_string());
        }
    }
    throw Error(ErrorKind::repeat, "what was read ahead is read again");
}

bool TransactionControl::note_idle(Lsn wal_end) {
    if (!search_.is_running()) return true;
    settle(search_.idle(wal_end));
    return false;
}

void TransactionControl::hold() {
    HeldTransaction held;
    held.transaction = summary_;
    table_.hold(target_, held);
    throw Error(
        ErrorKind::repeat,
        fmt::format("transaction {} at {} changes more than {} rows and is held", summary_.xid,
                    summary_.commit_lsn.to_string(), options_.hold_over_rows));
}

// Returns when it is to be left out.
void TransactionControl::wait_for_release() {
    const std::string lsn = summary_.commit_lsn.to_string();
    HeldTransaction held;
    held.transaction = summary_;
    held.is_counted = true;
    table_.hold(target_, held);
    held_ = held;
    if (options_.on_state)
        options_.on_state(fmt::format("holding transaction LSN {}: {}", lsn, summary_.describe()));
    log::warning(
        "holding transaction {} at {}: it changes {}, more than hold_transaction_over_rows = {}; "
        "\"walpack release\" applies it, \"walpack skip --lsn {}\" leaves it out, and nothing "
        "behind it is applied before that",
        summary_.xid, lsn, summary_.describe(), options_.hold_over_rows, lsn);
    for (;;) {
        poll();
        if (requests_.has_release(summary_.commit_lsn)) break;
        if (take_skip(summary_.commit_lsn, false)) {
            if (options_.on_state) options_.on_state("applying");
            return;
        }
        if (on_wait_) on_wait_();
        std::this_thread::sleep_for(kWaitInterval);
    }
    throw Error(ErrorKind::repeat,
                fmt::format("transaction {} at {} is released", summary_.xid, lsn));
}

}  // namespace walpack
