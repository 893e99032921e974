#include "apply/in_flight.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace walpack {
namespace {

// A look at the socket costs a system call.
constexpr std::uint64_t kLookInterval = 64;
constexpr std::size_t kControlBytes = 64;  // what a statement without values counts for

bool is_sync(const SentStatement& sent) {
    return sent.expected == Expected::sync || sent.expected == Expected::commit_at_sync;
}

}  // namespace

InFlight::InFlight(Connection& target, Limits limits, Judge judge)
    : target_(target), limits_(limits), judge_(std::move(judge)) {
    target_.enter_pipeline();
}

void InFlight::send_prepare(const std::string& name, const std::string& sql,
                            const std::vector<std::uint32_t>& type_oids, SentStatement sent) {
    make_room();
    target_.send_prepare(name, sql, type_oids);
    sent.doing = "prepare a statement";
    remember(std::move(sent));
}

void InFlight::send_unprepared(const std::string& sql, const std::vector<std::uint32_t>& type_oids,
                               Parameters& parameters, SentStatement sent) {
    make_room();
    target_.send_query(sql, parameters, type_oids);
    remember(std::move(sent));
}

void InFlight::send_prepared(const std::string& name, Parameters& parameters, SentStatement sent) {
    make_room();
    target_.send_prepared(name, parameters);
    remember(std::move(sent));
}

void InFlight::send_command(const std::string& sql, const char* doing) {
    SentStatement sent;
    sent.doing = doing;
    send_command(sql, std::move(sent));
}

void InFlight::send_command(const std::string& sql, SentStatement sent) {
    make_room();
    Parameters none;
    target_.send_query(sql, none);
    remember(std::move(sent));
}

void InFlight::send_sync() {
    SentStatement sent;
    sent.expected = Expected::sync;
    send_sync(std::move(sent));
}

void InFlight::send_sync(SentStatement sent) {
    target_.send_sync();
    remember(std::move(sent));
    since_request_ = 0;  // a sync makes the server hand out all results as well
    is_synced_ = true;
}

void InFlight::flush() {
    target_.flush();
}

bool InFlight::has_room() {
    if (!target_.try_flush()) return false;
    if (queue_.size() < limits_.statements_max && bytes_ < limits_.bytes_max) return true;
    request_outstanding();
    take_ready();
    return queue_.size() < limits_.statements_max && bytes_ < limits_.bytes_max;
}

void InFlight::remember(SentStatement sent) {
    sent.bytes += kControlBytes;
    bytes_ += sent.bytes;
    queue_.push_back(std::move(sent));
    is_synced_ = false;
    ++since_request_;
    if (since_request_ >= std::max<std::uint64_t>(limits_.statements_max / 4, 1)) {
        request_results();
    }
    if (++since_look_ >= kLookInterval) take_ready();
}

void InFlight::request_results() {
    target_.send_flush_request();
    since_request_ = 0;
}

void InFlight::make_room() {
    WALPACK_CHECK(!is_abandoned_ && !has_left_);
    if (queue_.size() < limits_.statements_max && bytes_ < limits_.bytes_max) return;
    request_results();
    while (!queue_.empty() &&
           (queue_.size() > limits_.statements_max / 2 || bytes_ > limits_.bytes_max / 2)) {
        read_one();
    }
}

void InFlight::take_ready() {
    since_look_ = 0;
    while (!queue_.empty() && target_.result_is_ready()) read_one();
}

void InFlight::drain() {
    request_outstanding();
    while (!queue_.empty()) read_one();
}

void InFlight::read_one() {
    const Result result = target_.next_result();
    // Taken out first: the judge may abandon the rest.
    const SentStatement sent = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= sent.bytes;
    if (sent.expected == Expected::sync) {
        // A server that is told to end says so at any place, also where only a sync is due.
        if (result.kind() != ResultKind::pipeline_sync) throw_result_error(result, "apply changes");
        return;
    }
    // Of a commit that the server refuses it tells first.
    if (is_sync(sent) && result.kind() == ResultKind::error) ++syncs_to_come_;
    judge_(sent, result);
}

bool InFlight::take_arrived() {
    take_ready();
    return queue_.empty();
}

void InFlight::request_outstanding() {
    if (since_request_ > 0) request_results();
}

bool InFlight::try_leave() {
    if (!is_synced_) send_sync();
    if (!target_.try_flush() || !take_arrived()) return false;
    target_.exit_pipeline();
    has_left_ = true;
    return true;
}

void InFlight::enter() {
    WALPACK_CHECK(has_left_);
    target_.enter_pipeline();
    has_left_ = false;
}

void InFlight::abandon() {
    is_abandoned_ = true;
    if (has_left_) {
        target_.execute("ROLLBACK");
        return;
    }
    std::size_t syncs = 1 + syncs_to_come_;
    for (const SentStatement& sent : queue_) syncs += is_sync(sent) ? 1 : 0;
    queue_.clear();
    bytes_ = 0;
    target_.send_sync();
    while (syncs > 0) {
        if (target_.next_result().kind() == ResultKind::pipeline_sync) --syncs;
    }
    target_.exit_pipeline();
    target_.execute("ROLLBACK");
}

}  // namespace walpack
