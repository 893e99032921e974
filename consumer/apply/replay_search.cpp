// Replay: which rows a transaction has to do without, when deferred constraints refuse it as a
// whole.
#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "apply/conflict.h"
#include "apply/replay.h"
#include "base/log.h"
#include "pg/error_kind.h"

namespace walpack {
namespace {

// Each try applies the transaction once, without some of its rows.
constexpr std::size_t kSearchedRowsMax = 20'000;
constexpr std::size_t kTriesMax = 500;

bool is_about_rows(ErrorKind kind) {
    return kind == ErrorKind::value || kind == ErrorKind::conflict;
}

}  // namespace

// As COMMIT would do it, but the transaction can go on.
Result Replay::check_constraints() {
    Statement statement;
    statement.sql = "SET CONSTRAINTS ALL IMMEDIATE";
    return execute_statement(*session_, statement, {}, encoder_);
}

bool Replay::is_left_out() const {
    return left_out_ != nullptr && (*left_out_)[origin_.number - 1];
}

void Replay::refuse_commit(const Group& group, const Result& refusal) {
    SentStatement sent;
    sent.doing = "commit";
    sent.commit_lsn = group.last_commit_lsn;
    const Error error = *judge_result(sent, refusal);
    if (!is_about_rows(error.kind()) || !can_search(group)) throw error;
    log::info("{}; looking for its rows in the transaction at {}", error.message(), error.lsn());
    LateRefusals::Rows rows = find_late(*group.kept);
    const std::size_t count = rows.size();
    if (count == 0 || !options_.late_refusals->add(group.last_commit_lsn, std::move(rows)))
        throw error;
    throw Error(ErrorKind::repeat,
                fmt::format("{} rows of the transaction at {} are refused at its commit", count,
                            error.lsn()))
        .at_lsn(error.lsn());
}

// One transaction by itself, all of which is there. Several are told apart when they are applied
// one by one, which is what the error leads to.
bool Replay::can_search(const Group& group) const {
    if (options_.late_refusals == nullptr || group.kept == nullptr || group.is_replay_open)
        return false;
    const auto& records = group.kept->records();
    const auto is_begin = [](const KeptRecord& record) {
        return std::holds_alternative<Begin>(record);
    };
    const auto is_between = [](const KeptRecord& record) {
        const auto* row = std::get_if<KeptRow>(&record);
        return row != nullptr && row->is_between;
    };
    return std::count_if(records.begin(), records.end(), is_begin) == 1 &&
           std::none_of(records.begin(), records.end(), is_between) &&
           origin_.number <= kSearchedRowsMax;
}

// Nothing is taken out meanwhile: who waits, or is refused by itself, is left out as well, and has
// its own answer in the next attempt.
LateRefusals::Rows Replay::find_late(const KeptGroup& group) {
    set_on_refused_row({}, std::move(must_wait_));
    taken_rows_.give_up = nullptr;
    const std::size_t count = origin_.number;
    const auto fits = [&](const LeftOut& left_out) { return try_without(group, left_out).fits; };
    const std::optional<LeftOut> left_out = find_left_out(count, fits, kTriesMax);
    LateRefusals::Rows rows;
    for (std::size_t i = 0; left_out && i < count; ++i) {
        if (!(*left_out)[i]) continue;
        LeftOut others = *left_out;
        others[i] = false;
        if (auto late = try_without(group, others).late) rows.emplace(i + 1, std::move(*late));
    }
    session_->execute("ROLLBACK");
    (void)resolution_.take_counts();
    return rows;
}

Replay::Trial Replay::try_without(const KeptGroup& group, const LeftOut& left_out) {
    session_->execute("ROLLBACK");
    left_out_ = &left_out;
    try {
        begin();
        run(group);
    } catch (const Error& error) {
        if (!is_about_rows(error.kind()) && error.kind() != ErrorKind::schema) throw;
        return {};
    }
    const Result result = check_constraints();
    if (result.kind() != ResultKind::error) return {true, std::nullopt};
    if (!is_about_rows(error_kind_of(result))) throw_result_error(result, "commit");
    return {false, LateRefusal{result.sqlstate(), result.primary_message(),
                               message_without_values(result), result.constraint_name()}};
}

}  // namespace walpack
