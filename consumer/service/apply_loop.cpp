#include "service/apply_loop.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kIdleWait{100};
constexpr std::chrono::seconds kReportInterval{10};

}  // namespace

ApplyLoop::ApplyLoop(MessageLog& received, Applier& applier, Receiver& receiver,
                     AssemblerOptions options)
    : received_(received),
      applier_(applier),
      receiver_(receiver),
      assembler_(applier, std::move(options)),
      last_report_(Clock::now()) {}

void ApplyLoop::run(const StopRequest& stop, const StopRequest& abort) {
    while (!stop.requested() || assembler_.is_inside_transaction()) {
        abort.throw_if_requested();
        step();
    }
    applier_.commit_group();
    applier_.make_durable(true);
    receiver_.confirm(applier_.durable_lsn());
}

void ApplyLoop::step() {
    const std::optional<LogEntry> entry = received_.take(wait());
    if (entry) {
        std::visit([this](const auto& arrived) { handle(arrived); }, *entry);
    }
    const bool is_idle = !assembler_.is_inside_transaction() && received_.is_drained();
    if (is_idle && applier_.linger_left().count() == 0) applier_.commit_group();
    applier_.make_durable(false);
    receiver_.confirm(applier_.durable_lsn());
    report();
}

// How long there may be nothing to do.
std::chrono::nanoseconds ApplyLoop::wait() const {
    if (assembler_.is_inside_transaction()) return kIdleWait;
    const auto linger = applier_.linger_left();
    return linger.count() > 0 ? linger : kIdleWait;
}

void ApplyLoop::handle(const ReceivedMessage& message) {
    assembler_.feed(message.payload);
}

void ApplyLoop::handle(const ReceivedKeepalive& keepalive) {
    // Inside a transaction, or a block of one, it says nothing that could be confirmed.
    if (assembler_.is_inside_transaction() || assembler_.is_inside_block()) return;
    if (keepalive.reply_requested) applier_.commit_group();
    if (!applier_.has_open_group()) {
        applier_.advance_idle(keepalive.wal_end, keepalive.reply_requested);
    }
}

void ApplyLoop::report() {
    const auto now = Clock::now();
    const std::chrono::duration<double> passed = now - last_report_;
    if (passed < kReportInterval) return;
    const ApplierStats stats = applier_.stats();
    const std::uint64_t rows = stats.rows - reported_rows_;
    const std::uint64_t transactions = stats.transactions - reported_transactions_;
    last_report_ = now;
    if (rows == 0 && transactions == 0) return;
    reported_rows_ = stats.rows;
    reported_transactions_ = stats.transactions;
    const std::uint64_t wal_end = receiver_.stats().source_wal_end.load();
    const std::uint64_t applied = applier_.applied_lsn().value;
    const std::string held =
        assembler_.held_transactions() == 0
            ? ""
            : fmt::format(", {} of {} transactions that still run",
                          human_bytes(assembler_.held_bytes()), assembler_.held_transactions());
    log::info("applied {:.0f} rows/s, {:.0f} transactions/s; at {}, lag {}, waiting in memory {}{}",
              static_cast<double>(rows) / passed.count(),
              static_cast<double>(transactions) / passed.count(),
              applier_.applied_lsn().to_string(),
              human_bytes(wal_end > applied ? wal_end - applied : 0),
              human_bytes(received_.bytes()), held);
}

}  // namespace walpack
