#include "service/apply_loop.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kIdleWait{100};
// A look at the target's sockets costs system calls; more often than it takes to run dry is in
// vain.
constexpr std::chrono::microseconds kPumpInterval{500};
constexpr std::chrono::microseconds kNap{1000};
// What is released goes a step behind what is said of it.
constexpr std::chrono::milliseconds kReleaseInterval{100};
// After nothing came for this long, what comes next is received in this thread.
constexpr std::chrono::milliseconds kQuiet{1};
// Of messages that wait: enough to keep two threads busy.
constexpr std::size_t kMuchBytes = 16 << 10;
constexpr std::chrono::seconds kLogInterval{10};
constexpr std::chrono::seconds kActivityInterval{5};

}  // namespace

ApplyLoop::ApplyLoop(TargetFeed& feed, const ApplyPath& path, AssemblerOptions options)
    : feed_(feed),
      reader_(feed.reader),
      first_(path.first),
      control_(path.control),
      copy_(path.copy),
      applier_(path.applier),
      options_(std::move(options)),
      assembler_(new_session()),
      now_(Clock::now()),
      logged_(kLogInterval, counters()),
      told_(kActivityInterval, counters()) {}

void ApplyLoop::set_on_activity(std::function<void(const Activity&)> on_activity) {
    on_activity_ = std::move(on_activity);
}

void ApplyLoop::run(const StopRequest& stop, const StopRequest& abort) {
    control_.set_on_wait([this, &stop] { work_while_held(stop); });
    while (!stop.requested() || assembler_->is_inside_transaction()) {
        abort.throw_if_requested();
        step();
        if (copy_ != nullptr && !assembler_->is_inside_transaction()) copy_->work(stop);
    }
    applier_.commit_group();
    applier_.make_durable(true);
    confirm();
}

void ApplyLoop::step() {
    const auto started = Clock::now();
    const std::optional<LogEntry> entry = next_entry();
    now_ = Clock::now();
    waited_for_source_ += now_ - started;
    if (entry) {
        std::visit([this](const auto& arrived) { handle(arrived); }, *entry);
    }
    if (now_ - pumped_ >= kPumpInterval) {
        pumped_ = now_;
        applier_.pump();
    }
    if (!assembler_->is_inside_transaction() && reader_.is_drained()) {
        applier_.pause();
        advance_idle(false);
    }
    applier_.make_durable(false);
    confirm();
    // Last, as they are round trips that no change should wait for.
    report();
    control_.poll();
}

// As between two steps.
void ApplyLoop::work_while_held(const StopRequest& stop) {
    applier_.make_durable(false);
    confirm();
    stop.throw_if_requested();
    if (copy_ != nullptr) copy_->work(stop);
}

void ApplyLoop::confirm() {
    const Lsn durable = applier_.durable_lsn();
    const Lsn confirmable = copy_ != nullptr ? copy_->confirmable(durable) : durable;
    const bool is_held_back = confirmable < durable;
    if (std::exchange(is_held_back_, is_held_back) != is_held_back)
        feed_.confirmation.note_held_back(feed_.number, is_held_back);
    if (confirmable == released_ && now_ - released_at_ < kReleaseInterval) return;
    released_ = confirmable;
    released_at_ = now_;
    reader_.release(confirmable, assembler_->held_from());
    feed_.confirmation.note_applied(feed_.number, confirmable);
}

std::optional<LogEntry> ApplyLoop::take(std::chrono::nanoseconds timeout) {
    if (reader_.wants_state())
        reader_.note_state(assembler_->session_state(), assembler_->held_from());
    return reader_.take(timeout);
}

// With nothing under way this thread receives by itself: being woken by the receiver's thread would
// take longer than the rest of what it does for a small transaction.
std::optional<LogEntry> ApplyLoop::next_entry() {
    constexpr std::chrono::nanoseconds kNoWait{0};
    Receiver& receiver = feed_.source.receiver();
    if (!reader_.is_drained()) {
        if (reader_.waiting_bytes() > kMuchBytes) receiver.give_back();
        return take(kNoWait);
    }
    const bool is_idle = !assembler_->is_inside_transaction() && !assembler_->is_inside_block() &&
                         !applier_.has_open_group();
    if (!is_idle) {
        receiver.give_back();
        // Each message would wake this thread by itself.
        if (applier_.is_lingering()) std::this_thread::sleep_for(kNap);
        return take(wait());
    }
    if (!feed_.is_only || !receiver.is_streaming()) return take(wait());
    if (receiver.is_lent() && receiver.receive(reader_, wait())) return take(kNoWait);
    std::optional<LogEntry> entry = take(kQuiet);
    if (!entry) receiver.borrow();
    return entry;
}

// How long there may be nothing to do.
std::chrono::nanoseconds ApplyLoop::wait() const {
    const auto pause = applier_.pause_wait();
    if (pause.count() > 0) return pause;
    return copy_ != nullptr ? copy_->idle_wait_max() : kIdleWait;
}

void ApplyLoop::handle(const ReceivedMessage& message) {
    assembler_->feed(message.payload, reader_.mark());
}

// What was open when a session broke off is sent again from its start. Nothing may be under way
// when the next one tells its encoding.
void ApplyLoop::handle(const SessionStart& /*session*/) {
    WALPACK_CHECK(!assembler_->is_inside_transaction());
    applier_.commit_group();
    // From here on positions are of another timeline, which the target must know of first.
    if (feed_.source.timeline() != feed_.timeline)
        throw Error(ErrorKind::connection, "the source is on another timeline now");
    idle_at_.reset();
    if (copy_ != nullptr) copy_->begin_session();
    rows_of_earlier_sessions_ += assembler_->decoded_rows();
    assembler_ = new_session();
}

std::unique_ptr<Assembler> ApplyLoop::new_session() {
    return std::make_unique<Assembler>(first_, options_);
}

void ApplyLoop::handle(const ReceivedKeepalive& keepalive) {
    // Inside a transaction, or a block of one, it says nothing that could be confirmed.
    if (assembler_->is_inside_transaction() || assembler_->is_inside_block()) return;
    if (!control_.note_idle(keepalive.wal_end)) return;
    if (copy_ != nullptr) copy_->note_idle(keepalive.wal_end);
    if (keepalive.reply_requested) applier_.commit_group();
    idle_at_ = keepalive.wal_end;
    advance_idle(keepalive.reply_requested);
}

// What the log keeps for the target goes when its position has got there, and the source may not
// say it again.
void ApplyLoop::advance_idle(bool now) {
    if (!idle_at_ || applier_.has_open_group() || assembler_->is_inside_block()) return;
    applier_.advance_idle(*idle_at_, now);
    if (applier_.applied_lsn() >= *idle_at_) idle_at_.reset();
}

ActivityCounters ApplyLoop::counters() const {
    const ReceiverStats& received = feed_.source.receiver().stats();
    ActivityCounters counters;
    counters.taken_at = now_;
    counters.received_bytes = received.bytes;
    counters.received_messages = received.messages;
    counters.log_was_full = std::chrono::nanoseconds(received.without_room.load());
    counters.decoded_rows = rows_of_earlier_sessions_ + assembler_->decoded_rows();
    counters.waited_for_source = waited_for_source_;
    counters.applied = applier_.stats();
    return counters;
}

void ApplyLoop::report() {
    if (logged_.is_due(now_)) {
        if (const auto activity = logged_.measure(counters())) log_activity(*activity);
    }
    if (on_activity_ && told_.is_due(now_)) {
        if (const auto activity = told_.measure(counters())) on_activity_(*activity);
    }
}

void ApplyLoop::log_activity(const Activity& activity) const {
    const std::uint64_t wal_end = feed_.source.receiver().stats().source_wal_end.load();
    const std::uint64_t applied = applier_.applied_lsn().value;
    const std::string held =
        assembler_->held_transactions() == 0
            ? ""
            : fmt::format(", {} of {} transactions that still run",
                          human_bytes(assembler_->held_bytes()), assembler_->held_transactions());
    log::info("{}; at {}, lag {}, waiting in the log {}{}", activity_text(activity),
              applier_.applied_lsn().to_string(),
              human_bytes(wal_end > applied ? wal_end - applied : 0),
              human_bytes(reader_.waiting_bytes()), held);
}

}  // namespace walpack
