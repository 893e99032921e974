#include "service/confirmation.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNearWithoutBudget = 64 << 20;

}  // namespace

Confirmation::Confirmation(ConfirmPolicy policy, OrderedLog& log, std::function<void(Lsn)> confirm)
    : policy_(policy), log_(log), confirm_(std::move(confirm)) {
    if (!policy_.is_always_logged) return;
    is_logged_ = true;
    log_.set_durable(true);
}

std::size_t Confirmation::add_target(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const std::size_t target = added_++;
    if (const auto before = numbers_.find(name); before != numbers_.end()) forget(before->second);
    numbers_[name] = target;
    applied_.emplace(target, Lsn{});
    applied_by_all_ = 0;
    return target;
}

void Confirmation::remove_target(std::size_t target) {
    const std::lock_guard lock(mutex_);
    forget(target);
    std::erase_if(numbers_, [target](const auto& one) { return one.second == target; });
    // What is left has it noted, or will; without any, nothing is confirmed any more.
    applied_by_all_ = smallest().value;
}

// With the mutex held.
void Confirmation::forget(std::size_t target) {
    applied_.erase(target);
    begun_.erase(target);
    held_back_.erase(target);
}

void Confirmation::note_begun(std::size_t target, Lsn position) {
    const std::lock_guard lock(mutex_);
    begun_[target] = position;
    held_back_.erase(target);
    // It may have come back as an older copy of itself, or need what it has once more.
    Lsn& applied = applied_.at(target);
    if (applied <= position) return;
    applied = position;
    applied_by_all_ = smallest().value;
}

void Confirmation::note_bound(Lsn bound) {
    const std::lock_guard lock(mutex_);
    bound_ = bound;
}

bool Confirmation::all_have(Lsn lsn) const {
    const std::lock_guard lock(mutex_);
    return std::all_of(applied_.begin(), applied_.end(), [this, lsn](const auto& applied) {
        const auto begun = begun_.find(applied.first);
        const Lsn known = begun == begun_.end() ? bound_ : begun->second;
        return known.is_valid() && std::max(known, applied.second) >= lsn;
    });
}

bool Confirmation::have_all_begun() const {
    const std::lock_guard lock(mutex_);
    return begun_.size() == applied_.size();
}

bool Confirmation::has_one_begun() const {
    const std::lock_guard lock(mutex_);
    return !begun_.empty();
}

// With the mutex held.
Lsn Confirmation::smallest() const {
    if (applied_.empty()) return {};
    const auto by_lsn = [](const auto& one, const auto& other) {
        return one.second < other.second;
    };
    return std::min_element(applied_.begin(), applied_.end(), by_lsn)->second;
}

Lsn Confirmation::applied(std::size_t target) const {
    const std::lock_guard lock(mutex_);
    const auto found = applied_.find(target);
    return found == applied_.end() ? Lsn{} : found->second;
}

void Confirmation::note_applied(std::size_t target, Lsn lsn) {
    Lsn all;
    {
        const std::lock_guard lock(mutex_);
        Lsn& applied = applied_.at(target);
        if (lsn <= applied) return;
        applied = lsn;
        all = smallest();
        applied_by_all_ = all.value;
    }
    confirm(all);
}

void Confirmation::note_retained(std::uint64_t bytes) {
    retained_ = bytes;
}

void Confirmation::note_held_back(std::size_t target, bool is_held_back) {
    const std::lock_guard lock(mutex_);
    is_held_back ? void(held_back_.insert(target)) : void(held_back_.erase(target));
}

bool Confirmation::is_held_back() const {
    const std::lock_guard lock(mutex_);
    return !held_back_.empty();
}

void Confirmation::note_awaited(bool is_awaited) {
    is_awaited_ = is_awaited;
}

void Confirmation::begin_logged() {
    is_logged_ = true;
    log_.set_durable(true);
}

void Confirmation::update() {
    if (policy_.is_always_logged) return confirm(log_.state().durable);
    const bool is_over = policy_.wal_budget != 0 && retained_ > policy_.wal_budget;
    if (!is_logged_ && is_over) {
        log::warning(
            "the source keeps {} of WAL, more than wal_budget: the slot is confirmed by what the "
            "log has on disk until the targets have caught up",
            human_bytes(retained_));
        begin_logged();
    } else if (!is_logged_ && is_awaited_) {
        log::info(
            "commits at the source wait for this stream, and changes for rows that are being "
            "copied: the slot is confirmed by what the log has on disk");
        begin_logged();
    }
    if (is_logged_) keep_logged(is_over || is_awaited_);
}

bool Confirmation::lacks_begin() const {
    if (!is_logged_) return false;
    const OrderedLogState state = log_.state();
    return !state.durable.is_valid() && state.disk_error.empty();
}

// Until the targets have what was confirmed. As soon as they are near, no more is confirmed than
// they have, or with a steady stream the end would never come.
void Confirmation::keep_logged(bool is_over) {
    const OrderedLogState state = log_.state();
    const std::uint64_t applied = applied_by_all_;
    const std::uint64_t near =
        policy_.wal_budget != 0 ? policy_.wal_budget / 2 : kNearWithoutBudget;
    const bool is_near = !is_over && state.end.value < applied + near;
    if (!is_near) return confirm(state.durable);
    const std::lock_guard lock(mutex_);
    if (applied < confirmed_.value) return;
    log::info("all targets have caught up; the slot is confirmed by what they have applied");
    is_logged_ = false;
    log_.set_durable(false);
}

void Confirmation::confirm(Lsn lsn) {
    if (!lsn.is_valid()) return;
    {
        const std::lock_guard lock(mutex_);
        if (lsn <= confirmed_) return;
        confirmed_ = lsn;
    }
    confirm_(lsn);
}

}  // namespace walpack
