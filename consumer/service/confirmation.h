// What may be confirmed to the slot: the smallest of what is durable on each target, or what the
// log has on its disk.
//
//   policy applied: the targets' positions; once the source holds more than the budget behind them,
//                   the log is made durable and its position counts, until the targets are there
//   policy logged:  the log's position
//
// Thread-safe: targets note their positions, one thread calls update().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "log/ordered_log.h"
#include "model/lsn.h"

namespace walpack {

struct ConfirmPolicy {
    bool is_always_logged = false;
    std::uint64_t wal_budget = 0;  // bytes; 0: none
};

class Confirmation {
  public:
    // `log` must outlive this object. `confirm` is called with an LSN that grows, by any thread.
    Confirmation(ConfirmPolicy policy, OrderedLog& log, std::function<void(Lsn)> confirm);

    // Nothing is confirmed by what targets have applied until the new one says where it is. One of
    // the same name ends. Returns its number.
    std::size_t add_target(const std::string& name);
    // It does not come back. One that only ends, to begin with other settings, counts until then:
    // otherwise the slot would be confirmed by the others, beyond it.
    void remove_target(std::size_t target);
    // The target stands at `position`: durably, or it begins anew after a crash.
    void note_begun(std::size_t target, Lsn position);
    // No target that has not begun lies before it.
    void note_bound(Lsn bound);
    // Every target is known to have everything up to `lsn`: what lies before needs no log.
    bool all_have(Lsn lsn) const;
    bool have_all_begun() const;
    bool has_one_begun() const;
    // Everything up to `lsn` is durable on that target, and not needed for it again.
    void note_applied(std::size_t target, Lsn lsn);
    // WAL that the source keeps behind what was confirmed.
    void note_retained(std::uint64_t bytes);
    // The copy of the target's tables holds its position back: changes that are not applied yet
    // wait for rows that are being copied.
    void note_held_back(std::size_t target, bool is_held_back);
    bool is_held_back() const;
    // Commits at the source wait until they are confirmed. Where a copy holds positions back that
    // would be for ever, as its next snapshots wait for those commits: so the log counts.
    void note_awaited(bool is_awaited);
    // Decides what counts; to be called several times a second.
    void update();

    // The log's position is to count, and there is none, as what a target still needs was dropped
    // from memory before: it has to be received once more.
    bool lacks_begin() const;
    // The log's position counts.
    bool is_logged() const { return is_logged_; }
    Lsn applied_by_all() const { return Lsn{applied_by_all_.load()}; }
    Lsn applied(std::size_t target) const;

  private:
    void forget(std::size_t target);
    Lsn smallest() const;
    void keep_logged(bool is_over);
    void begin_logged();
    void confirm(Lsn lsn);

    const ConfirmPolicy policy_;
    OrderedLog& log_;
    const std::function<void(Lsn)> confirm_;
    mutable std::mutex mutex_;
    std::map<std::size_t, Lsn> applied_;  // by target
    std::map<std::size_t, Lsn> begun_;
    std::set<std::size_t> held_back_;
    std::map<std::string, std::size_t> numbers_;
    Lsn bound_;
    std::size_t added_ = 0;
    Lsn confirmed_;
    std::atomic<std::uint64_t> applied_by_all_{0};
    std::atomic<std::uint64_t> retained_{0};
    std::atomic<bool> is_awaited_{false};
    std::atomic<bool> is_logged_{false};
};

}  // namespace walpack
