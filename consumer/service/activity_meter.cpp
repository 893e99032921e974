#include "service/activity_meter.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

using Seconds = std::chrono::duration<double>;

double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

// The counters are read one after the other while they move, so a share could come out a hair above
// the whole.
double share(double part, double whole) {
    return std::clamp(ratio(part, whole), 0.0, 1.0);
}

double added(std::uint64_t before, std::uint64_t after) {
    return static_cast<double>(after - before);
}

double waited(std::chrono::nanoseconds before, std::chrono::nanoseconds after) {
    return Seconds(after - before).count();
}

// What takes most of the applying thread's time; of equals the one that is nearest to the target,
// since that one holds up all others.
const char* slow_stage_of(const Activity& activity) {
    const std::array<std::pair<double, const char*>, 4> stages = {{
        {activity.waited_for_target_share, "target"},
        {activity.waited_for_order_share, "order"},
        {activity.working_share, "consumer"},
        {activity.waited_for_source_share, "source"},
    }};
    return std::ranges::max_element(stages, {}, [](const auto& stage) { return stage.first; })
        ->second;
}

void measure_sizes(const ApplierStats& before, const ApplierStats& after, Activity& activity) {
    const double commits = added(before.target_commits, after.target_commits);
    activity.transactions_per_commit =
        ratio(added(before.transactions, after.transactions), commits);
    activity.rows_per_commit = ratio(added(before.rows, after.rows), commits);
    activity.rows_per_batch =
        ratio(added(before.batch_rows, after.batch_rows), added(before.batches, after.batches));
    activity.coalesced_share = share(added(before.coalesced_rows, after.coalesced_rows),
                                     added(before.planned_rows, after.planned_rows));
}

bool has_moved(const ActivityCounters& before, const ActivityCounters& after) {
    return before.received_messages != after.received_messages ||
           before.decoded_rows != after.decoded_rows ||
           before.applied.planned_rows != after.applied.planned_rows ||
           before.applied.rows != after.applied.rows ||
           before.applied.transactions != after.applied.transactions;
}

}  // namespace

Activity activity_between(const ActivityCounters& before, const ActivityCounters& after) {
    const double passed = Seconds(after.taken_at - before.taken_at).count();
    const auto speed = [passed](std::uint64_t from, std::uint64_t to) {
        return ratio(added(from, to), passed);
    };
    const ApplierStats& was = before.applied;
    const ApplierStats& is = after.applied;
    Activity activity;
    activity.received_bytes_per_second = speed(before.received_bytes, after.received_bytes);
    activity.received_messages_per_second =
        speed(before.received_messages, after.received_messages);
    activity.decoded_rows_per_second = speed(before.decoded_rows, after.decoded_rows);
    activity.planned_rows_per_second = speed(was.planned_rows, is.planned_rows);
    activity.applied_rows_per_second = speed(was.rows, is.rows);
    activity.applied_transactions_per_second = speed(was.transactions, is.transactions);
    measure_sizes(was, is, activity);
    activity.log_full_share = share(waited(before.log_was_full, after.log_was_full), passed);
    activity.waited_for_source_share =
        share(waited(before.waited_for_source, after.waited_for_source), passed);
    activity.waited_for_target_share =
        share(waited(was.waited_for_target, is.waited_for_target), passed);
    activity.waited_for_order_share =
        share(waited(was.waited_for_order, is.waited_for_order), passed);
    activity.working_share =
        std::clamp(1 - activity.waited_for_source_share - activity.waited_for_target_share -
                       activity.waited_for_order_share,
                   0.0, 1.0);
    activity.slow_stage = slow_stage_of(activity);
    return activity;
}

std::string activity_text(const Activity& activity) {
    return fmt::format(
        "applied {:.0f} rows/s in {:.0f} transactions/s, {:.0f} transactions and {:.0f} rows per "
        "commit, {:.0f} rows per batch, {:.0f} % coalesced; planned {:.0f} rows/s; decoded {:.0f} "
        "rows/s; received {}/s in {:.0f} messages/s, log full {:.0f} %; waited for source {:.0f} "
        "%, target {:.0f} %, order {:.0f} %; slow stage: {}",
        activity.applied_rows_per_second, activity.applied_transactions_per_second,
        activity.transactions_per_commit, activity.rows_per_commit, activity.rows_per_batch,
        activity.coalesced_share * 100, activity.planned_rows_per_second,
        activity.decoded_rows_per_second,
        human_bytes(static_cast<std::uint64_t>(activity.received_bytes_per_second)),
        activity.received_messages_per_second, activity.log_full_share * 100,
        activity.waited_for_source_share * 100, activity.waited_for_target_share * 100,
        activity.waited_for_order_share * 100, activity.slow_stage);
}

ActivityMeter::ActivityMeter(std::chrono::milliseconds interval, const ActivityCounters& start)
    : interval_(interval), before_(start) {}

bool ActivityMeter::is_due(std::chrono::steady_clock::time_point now) const {
    return now - before_.taken_at >= interval_;
}

std::optional<Activity> ActivityMeter::measure(const ActivityCounters& now) {
    const ActivityCounters before = std::exchange(before_, now);
    if (!has_moved(before, now)) return std::nullopt;
    return activity_between(before, now);
}

}  // namespace walpack
