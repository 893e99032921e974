#include "apply/commit_order.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kCancelLimit{2000};

// A lock of someone else may be part of a circle too, through what no server sees: then it is not
// let go of before we do.
constexpr std::chrono::seconds kPatienceWithOthers{60};

// Who waits for whom of sessions in the order in which they commit, through whatever others: the
// place of the one that waits; that of the other, NULL where it is none of ours; its process.
constexpr const char* kWaits = R"(
WITH RECURSIVE ours AS (
    SELECT pid, place FROM pg_catalog.unnest($1::pg_catalog.int4[]) WITH ORDINALITY u(pid, place)
), waits(place, pid) AS (
    SELECT o.place, b.pid FROM ours o
    CROSS JOIN pg_catalog.unnest(pg_catalog.pg_blocking_pids(o.pid)) b(pid)
    UNION
    SELECT w.place, b.pid FROM waits w
    CROSS JOIN pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) b(pid)
)
SELECT w.place, o.place, w.pid FROM waits w LEFT JOIN ours o USING (pid) ORDER BY 1, 3)";

// What an open transaction still has to do would hold its locks until it is done.
void cancel_backend(Connection& control, int pid) {
    try {
        control.limit_silence(kCancelLimit);
        control.execute("SELECT pg_catalog.pg_cancel_backend($1::pg_catalog.int4)",
                        {std::to_string(pid)});
        control.limit_silence(std::chrono::milliseconds(0));
    } catch (const Error& error) {
        control.limit_silence(std::chrono::milliseconds(0));
        log::debug("could not cancel backend {}: {}", pid, error.message());
    }
}

}  // namespace

CommitOrder::CommitOrder(std::vector<std::unique_ptr<Connection>> connections, Connection& control,
                         const Progress& progress, InFlight::Limits limits, const Judge& judge)
    : control_(control), progress_(progress), limits_(limits), judge_(judge) {
    WALPACK_CHECK(!connections.empty());
    for (std::size_t i = 0; i < connections.size(); ++i)
        sessions_.push_back(make_session(std::move(connections[i]), i));
}

std::unique_ptr<ApplySession> CommitOrder::make_session(std::unique_ptr<Connection> connection,
                                                        std::size_t number) {
    return std::make_unique<ApplySession>(
        std::move(connection), progress_, limits_,
        [this, number](const SentStatement& sent, const Result& result) {
            judge_(number, sent, result);
        });
}

void CommitOrder::set_client_encoding(const std::string& encoding) {
    encoding_ = encoding;
    for (const auto& session : sessions_) session->set_client_encoding(encoding);
}

void CommitOrder::set_position(Lsn position) {
    WALPACK_CHECK(groups_.empty());
    position_ = position;
    applied_ = position;
}

// With one session everything is in order by itself.
std::size_t CommitOrder::session_for(const Group& group) {
    if (sessions_.size() == 1) return idle_session();
    const auto last = std::find_if(groups_.rbegin(), groups_.rend(), [&](const Group& earlier) {
        return !earlier.is_committed && group.footprint.depends_on(earlier.footprint);
    });
    return last == groups_.rend() ? idle_session() : session_behind(*last);
}

// Behind its COMMIT in the same session; or, when a later group has that session already, behind
// the answer to it.
std::size_t CommitOrder::session_behind(const Group& earlier) {
    const auto started = Group::Clock::now();
    const std::size_t session = *earlier.session;
    commit_through(earlier.end);
    const bool is_free = !sessions_[session]->is_in_transaction();
    if (!is_free) sessions_[session]->drain();
    waited_for_order_ += Group::Clock::now() - started;
    return is_free ? session : idle_session();
}

std::size_t CommitOrder::idle_session() {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (!sessions_[i]->is_in_transaction()) return i;
    }
    Group& oldest = *next_to_commit();
    const std::size_t session = *oldest.session;
    send_commit(oldest);
    return session;
}

void CommitOrder::begin(Group& group) {
    WALPACK_CHECK(!group.session);
    group.session = session_for(group);
    sessions_[*group.session]->begin(group.is_checked && !group.is_durable);
    last_commit_lsn_ = group.last_commit_lsn;
    watch_sessions();
}

void CommitOrder::begin_alone(Group& group) {
    WALPACK_CHECK(!group.session);
    const auto started = Group::Clock::now();
    if (sessions_.size() == 1) {
        commit_all();
    } else {
        settle();
        waited_for_order_ += Group::Clock::now() - started;
    }
    group.session = 0;
    sessions_.front()->begin(false);
}

void CommitOrder::send(const Group& group, std::vector<Step> steps) {
    ApplySession& session = *sessions_[group.session.value()];
    // What waits already is a part of the same large transaction.
    session.send_all();
    for (Step& step : steps) session.add(std::move(step), group.last_commit_lsn, group.is_checked);
    if (!group.is_checked) session.pump();
}

bool CommitOrder::has_unsent() const {
    return std::any_of(sessions_.begin(), sessions_.end(),
                       [](const auto& session) { return session->has_unsent(); });
}

void CommitOrder::add(Group group) {
    WALPACK_CHECK(group.session && group.end >= position_);
    group.from = position_;
    position_ = group.end;
    groups_.push_back(std::move(group));
}

Group* CommitOrder::next_to_commit() {
    const auto next = std::find_if(groups_.begin(), groups_.end(),
                                   [](const Group& group) { return !group.is_commit_sent; });
    return next == groups_.end() ? nullptr : &*next;
}

// Reading results takes committed groups away from the front: afterwards it may be gone.
void CommitOrder::send_commit(Group& group) {
    group.is_commit_sent = true;
    sessions_[*group.session]->finish(group);
    watch_sessions();
}

void CommitOrder::watch_sessions() {
    const auto open = std::count_if(sessions_.begin(), sessions_.end(),
                                    [](const auto& each) { return each->is_in_transaction(); });
    const bool is_watched = open > 1;
    if (is_watched == is_watched_) return;
    is_watched_ = is_watched;
    for (const auto& session : sessions_) {
        session->connection().limit_silence(is_watched ? kPatience : std::chrono::milliseconds(0),
                                            [this] { return stuck(); });
    }
}

// Where a session of ours waits, through whatever others, for one whose turn to commit comes later:
// that one waits for it in turn, which only we know. A slow disk is no circle, nor is a COMMIT that
// takes its time, for which the next session waits; nor a lock that is not ours, for a while.
bool CommitOrder::is_in_circle() {
    std::vector<int> pids;
    std::string others;
    try {
        control_.limit_silence(kCancelLimit);
        // Answers to COMMITs may lie unread: the order is that of what is open on the server.
        const std::optional<ProgressRow> progress = progress_.read();
        for (const std::size_t session : in_order(progress ? progress->applied_lsn : Lsn()))
            pids.push_back(sessions_[session]->connection().backend_pid());
        const Result waits =
            control_.execute(kWaits, {fmt::format("{{{}}}", fmt::join(pids, ","))});
        control_.limit_silence(std::chrono::milliseconds(0));
        for (int row = 0; row < waits.rows(); ++row) {
            if (waits.is_null(row, 1)) {
                others +=
                    fmt::format("{}<{} ", pids[count_at(waits, row, 0) - 1], waits.value(row, 2));
            } else if (count_at(waits, row, 1) > count_at(waits, row, 0)) {
                return true;
            }
        }
    } catch (const Error& error) {
        control_.limit_silence(std::chrono::milliseconds(0));
        if (error.kind() == ErrorKind::cancelled) throw;
        // Nobody answers: that is no circle either. But that connection is of no use any more, and
        // without it none would ever be seen.
        return ++unanswered_ > 1;
    }
    unanswered_ = 0;
    const auto now = Group::Clock::now();
    if (others != waits_for_others_) waits_for_others_since_ = now;
    waits_for_others_ = std::move(others);
    return !waits_for_others_.empty() && now - waits_for_others_since_ >= kPatienceWithOthers;
}

// Sessions by the first group of each that is not committed, where the target is at `position`. One
// whose group is not complete has the newest.
std::vector<std::size_t> CommitOrder::in_order(Lsn position) const {
    std::vector<std::size_t> order;
    for (const Group& group : groups_) {
        const bool is_committed =
            group.is_committed || (group.is_commit_sent && group.end <= position);
        if (!is_committed && std::ranges::find(order, *group.session) == order.end())
            order.push_back(*group.session);
    }
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (sessions_[i]->is_in_transaction() && std::ranges::find(order, i) == order.end())
            order.push_back(i);
    }
    return order;
}

std::optional<Error> CommitOrder::stuck() {
    if (!is_in_circle()) return std::nullopt;
    cancel_open(sessions_.size());
    return Error(ErrorKind::connection,
                 fmt::format("the target was silent for {} ms while several transactions of ours "
                             "were open",
                             kPatience.count()))
        .detail("They may wait for each other through another session of the target.")
        .sqlstate(std::string(kDeadlockDetected))
        .at_lsn(last_commit_lsn_.to_string());
}

// A COMMIT is left alone: what it waits for may be a standby, which it would do without.
void CommitOrder::cancel_open(std::size_t except) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        const bool is_committing = std::ranges::any_of(groups_, [i](const Group& group) {
            return group.session == i && group.is_commit_sent && !group.is_committed;
        });
        if (i != except && sessions_[i]->is_in_transaction() && !is_committing)
            cancel_backend(control_, sessions_[i]->connection().backend_pid());
    }
}

void CommitOrder::commit_through(Lsn end) {
    for (Group* next = next_to_commit(); next != nullptr && next->end <= end;
         next = next_to_commit())
        send_commit(*next);
}

// Nobody else asks for them until the next group is complete.
void CommitOrder::take_commits() {
    while (!groups_.empty() && groups_.front().is_commit_sent) {
        const std::size_t before = groups_.size();
        sessions_[*groups_.front().session]->take_arrived();
        if (groups_.size() == before) return;
    }
}

void CommitOrder::pump() {
    for (const auto& session : sessions_) {
        if (session->has_unsent()) session->pump();
    }
    take_commits();
    for (Group* next = next_to_commit(); next != nullptr; next = next_to_commit()) {
        if (!sessions_[*next->session]->take_arrived()) return;
        send_commit(*next);
    }
}

void CommitOrder::commit_all() {
    if (!groups_.empty()) commit_through(groups_.back().end);
}

void CommitOrder::settle() {
    commit_all();
    while (!groups_.empty()) sessions_[*groups_.front().session]->drain();
}

void CommitOrder::abandon(std::size_t session) {
    sessions_[session]->abandon();
    cancel_open(session);
}

void CommitOrder::read_commits_before(std::size_t session) {
    std::vector<std::size_t> earlier;
    for (const Group& group : groups_) {
        if (group.session == session) break;
        if (group.is_commit_sent) earlier.push_back(*group.session);
    }
    for (const std::size_t other : earlier) sessions_[other]->drain();
}

void CommitOrder::on_committed(std::size_t session) {
    const auto found = std::find_if(groups_.begin(), groups_.end(), [session](const Group& group) {
        return group.session == session && group.is_commit_sent && !group.is_committed;
    });
    WALPACK_CHECK(found != groups_.end());
    found->is_committed = true;
    while (!groups_.empty() && groups_.front().is_committed) {
        const Group group = std::move(groups_.front());
        groups_.pop_front();
        applied_ = group.end;
        if (group.is_durable) durable_ = group.end;
        if (on_group_committed) on_group_committed(group);
    }
}

SentCounts CommitOrder::counts() const {
    SentCounts sum = earlier_counts_;
    for (const auto& session : sessions_) {
        sum.statements += session->counts().statements;
        sum.rows += session->counts().rows;
        sum.batches += session->counts().batches;
        sum.batch_rows += session->counts().batch_rows;
    }
    return sum;
}

std::chrono::nanoseconds CommitOrder::waited() const {
    std::chrono::nanoseconds sum = earlier_waited_;
    for (const auto& session : sessions_) sum += session->connection().waited();
    return sum;
}

}  // namespace walpack
