// The sessions, and the groups that they have in hand: sends each group to a session and commits
// them in order.
//
// A group is `sent` when a session has its transaction open, `committing` when its COMMIT is on its
// way. At most one group per session is sent and not committing. Groups leave in order: their
// commits are sent in order, and each COMMIT only after the progress row's update was answered,
// which locks it; so the next group's update waits for this COMMIT on the server, in whatever
// session.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apply/apply_session.h"
#include "apply/group.h"
#include "model/lsn.h"

namespace walpack {

// Two sessions may still wait for one another through a third party: one waits for a row that a
// local session of the target has, that one for a row of the other session, which waits for its
// turn to commit. The server cannot see such a circle. So while several transactions are open and
// one of them is silent for kPatience, the server is asked who waits for whom; in a circle all are
// given up, with an Error whose SQLSTATE is that of a deadlock.
class CommitOrder {
  public:
    // What to do with a result: as InFlight::Judge, with the session's number.
    using Judge =
        std::function<void(std::size_t session, const SentStatement& sent, const Result& result)>;

    // At least one session. `control` serves to cancel what others run. It and `progress` must
    // outlive this object.
    CommitOrder(std::vector<std::unique_ptr<Connection>> connections, Connection& control,
                const Progress& progress, InFlight::Limits limits, const Judge& judge);
    CommitOrder(const CommitOrder&) = delete;
    CommitOrder& operator=(const CommitOrder&) = delete;

    const TargetSession& settings() const { return sessions_.front()->settings(); }
    int server_version() const { return sessions_.front()->connection().server_version(); }
    void set_client_encoding(const std::string& encoding);

    // Opens a transaction for a group whose end is not known yet, alone: everything before it is
    // committing when this returns.
    void begin_alone(Group& group);
    // The same for a whole group: beside those that it does not depend on.
    void begin(Group& group);
    // The steps are sent as the target takes them; see pump(). Waits only while more than a large
    // group is not sent.
    void send(const Group& group, std::vector<Step> steps);
    // The group is complete: it will be committed after those before it.
    void add(Group group);

    // Without waiting: sends what the target takes, and the commits of the groups whose results
    // have all arrived and are right, and notes which are committed. To be called often.
    void pump();
    bool has_unsent() const;
    // Sends every commit that is not on its way, waiting for results.
    void commit_all();
    // The same, and waits for the answers.
    void settle();
    // Waits for the answers to the COMMITs before that of the session's group.
    void read_commits_before(std::size_t session);
    // The judge saw the answer of a COMMIT.
    void on_committed(std::size_t session);
    // After an error that abandon() was called for: rolls back whatever is open and makes all
    // sessions anew, on the same connections where they are of use. Returns the groups that are not
    // committed, in their order, and stands at the position before them. Throws when that is not
    // certain of a group; then this object is of no use any more.
    std::deque<Group> recover(const std::function<std::unique_ptr<Connection>()>& connect);
    // Whether every group that is not committed has its changes kept.
    bool can_recover() const;
    // A group that something else committed, with the position.
    void note_committed(const Group& group);
    // After an error: rolls back what the session has open, and cancels what others still execute,
    // which would hold their locks until it is done.
    void abandon(std::size_t session);

    bool is_empty() const { return groups_.empty(); }
    // Position after every group that was added.
    Lsn position() const { return position_; }
    Lsn applied() const { return applied_; }
    Lsn durable() const { return durable_; }
    void set_position(Lsn position);

    // Called with each group that is committed, in order.
    std::function<void(const Group&)> on_group_committed;

    SentCounts counts() const;
    std::chrono::nanoseconds waited() const;
    std::chrono::nanoseconds waited_for_order() const { return waited_for_order_; }

  private:
    std::unique_ptr<ApplySession> make_session(std::unique_ptr<Connection> connection,
                                               std::size_t number);
    void take_committed(Lsn position);
    std::size_t session_for(const Group& group);
    std::size_t session_behind(const Group& earlier);
    std::size_t idle_session();
    // The first group whose COMMIT was not sent; nullptr without one.
    Group* next_to_commit();
    void send_commit(Group& group);
    void commit_through(Lsn end);
    // The answers to COMMITs that are here.
    void take_commits();
    // While more than one session has a transaction open, none may be silent for long.
    void watch_sessions();
    void cancel_open(std::size_t except);
    // Called when a session was silent; nullopt when there is no reason to give up.
    std::optional<Error> stuck();
    bool is_in_circle();
    std::vector<std::size_t> in_order(Lsn position) const;

    Connection& control_;
    const Progress& progress_;
    InFlight::Limits limits_;
    Judge judge_;
    std::string encoding_;  // of the source; empty before it is known
    std::vector<std::unique_ptr<ApplySession>> sessions_;
    // Of sessions that are gone.
    SentCounts earlier_counts_;
    std::chrono::nanoseconds earlier_waited_{0};
    bool is_watched_ = false;
    int unanswered_ = 0;            // questions in a row that `control` did not answer
    std::string waits_for_others_;  // who for whom, when it was last looked at
    Group::Clock::time_point waits_for_others_since_;
    Lsn last_commit_lsn_;
    std::deque<Group> groups_;
    Lsn position_;
    Lsn applied_;
    Lsn durable_;
    std::chrono::nanoseconds waited_for_order_{0};
};

}  // namespace walpack
