#include "apply/session_copy.h"

#include <optional>
#include <utility>

#include "base/check.h"

namespace walpack {

void SessionCopy::begin(std::string sql, SentStatement sent) {
    WALPACK_CHECK(phase_ == Phase::none);
    sql_ = std::move(sql);
    sent_ = std::move(sent);
    phase_ = Phase::leaving;
}

bool SessionCopy::takes_bytes() {
    WALPACK_CHECK(is_open() && phase_ != Phase::ending);
    if (phase_ == Phase::leaving) {
        if (!in_flight_.try_leave()) return false;
        target_.send_copy_in(sql_);
        phase_ = Phase::opening;
    }
    if (phase_ == Phase::opening) {
        const std::optional<Result> result = target_.poll_result();
        if (!result) return false;
        if (result->kind() != ResultKind::copy_in) {
            judge(*result);
            WALPACK_CHECK(false);  // whatever else it is, it is not right
        }
        phase_ = Phase::taking;
    }
    return target_.try_flush();
}

void SessionCopy::end(std::uint64_t rows) {
    WALPACK_CHECK(phase_ == Phase::taking);
    sent_.batch_rows = rows;
    target_.send_copy_end();
    phase_ = Phase::ending;
}

bool SessionCopy::is_over() {
    WALPACK_CHECK(phase_ == Phase::ending);
    const std::optional<Result> result = target_.poll_result();
    if (!result) return false;
    judge(*result);
    in_flight_.enter();
    return true;
}

void SessionCopy::wait() {
    switch (phase_) {
        case Phase::leaving:
            return in_flight_.drain();
        case Phase::taking:
            return target_.flush();  // the server says nothing of its own accord
        default:
            return target_.wait_for_server();
    }
}

void SessionCopy::judge(const Result& result) {
    // Taken out first: the judge may abandon the session.
    const SentStatement sent = std::exchange(sent_, {});
    phase_ = Phase::none;
    in_flight_.judge(sent, result);
}

}  // namespace walpack
