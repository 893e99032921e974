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
constexpr std::size_t kTriedRowsMax = 2'000'000;
constexpr std::size_t kTriesMax = 5000;

// A row that is tried as if it had been refused.
const LateRefusal kLeftOut;

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

const LateRefusal* Replay::late_refusal_of(const ReplayRow& row) const {
    if (is_left_out()) return &kLeftOut;
    if (options_.late_refusals == nullptr) return nullptr;
    return options_.late_refusals->find(row.origin, row.change);
}

// Where refused rows are errors it is just not there.
void Replay::leave_out(const Planned& planned) {
    try {
        resolution_.refuse(*session_, planned.row, *planned.late);
    } catch (const Error& error) {
        if (left_out_ == nullptr || !is_about_values(error.kind())) throw;
    }
}

void Replay::refuse_commit(const Group& group, const Result& refusal) {
    SentStatement sent;
    sent.doing = "commit";
    sent.commit_lsn = group.last_commit_lsn;
    const Error error = *judge_result(sent, refusal);
    if (!is_about_values(error.kind()) || !can_search(group)) throw error;
    log::info("{}; looking for its rows in the transaction at {}", error.message(), error.lsn());
    const auto rows = find_late(*group.kept, group.last_commit_lsn);
    if (!rows) {
        throw Error(ErrorKind::connection, "the target was changed while a commit was refused")
            .at_lsn(error.lsn());
    }
    if (rows->empty() || !options_.late_refusals->add(group.last_commit_lsn, *rows)) throw error;
    throw Error(ErrorKind::repeat,
                fmt::format("{} rows of the transaction at {} are refused at its commit",
                            rows->size(), error.lsn()))
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
           std::none_of(records.begin(), records.end(), is_between) && origin_.number > 0 &&
           origin_.number <= kSearchedRowsMax;
}

// First as if the rows were not there, which is quick, and then with what was found so as it will
// be in the next attempt: who depends on such a row waits.
std::optional<LeftOut> Replay::search(const KeptGroup& group, LeftOut guess) {
    const std::size_t tries_max = std::min(kTriesMax, kTriedRowsMax / guess.size());
    const auto fits = [&](const LeftOut& left_out) { return try_without(group, left_out).fits; };
    is_skipping_ = true;
    if (const auto found = find_left_out(guess, fits, tries_max)) guess = *found;
    is_skipping_ = false;
    return find_left_out(guess, fits, tries_max);
}

// nullopt when nothing is refused any more.
std::optional<LateRefusals::Rows> Replay::find_late(const KeptGroup& group, Lsn commit_lsn) {
    if (taken_rows_.begin_trial) taken_rows_.begin_trial();
    LeftOut guess(origin_.number, false);
    for (const std::uint64_t number : options_.late_refusals->guess(commit_lsn))
        if (number <= guess.size()) guess[number - 1] = true;
    const std::optional<LeftOut> left_out = search(group, std::move(guess));
    LateRefusals::Rows rows;
    for (std::size_t i = 0; left_out && i < left_out->size(); ++i) {
        if (!(*left_out)[i]) continue;
        LeftOut others = *left_out;
        others[i] = false;
        Trial trial = try_without(group, others);
        if (trial.fits) return std::nullopt;
        if (trial.late) rows.emplace(i + 1, std::move(*trial.late));
    }
    left_out_ = nullptr;
    session_->execute("ROLLBACK");
    (void)resolution_.take_counts();
    note_fingerprints(group, rows);
    return rows;
}

void Replay::note_fingerprints(const KeptGroup& group, LateRefusals::Rows& rows) {
    std::uint64_t number = 0;
    for (const KeptRecord& record : group.records()) {
        const auto* row = std::get_if<KeptRow>(&record);
        if (row == nullptr && !std::holds_alternative<Truncate>(record)) continue;
        const auto found = rows.find(++number);
        if (found == rows.end()) continue;
        if (row == nullptr) {
            rows.erase(found);
        } else {
            found->second.fingerprint = fingerprint_of(row->change.change());
        }
    }
}

Replay::Trial Replay::try_without(const KeptGroup& group, const LeftOut& left_out) {
    session_->execute("ROLLBACK");
    left_out_ = &left_out;
    try {
        begin();
        run(group);
    } catch (const Error& error) {
        if (!is_about_values(error.kind()) && error.kind() != ErrorKind::schema) throw;
        return {};
    }
    const Result result = check_constraints();
    if (result.kind() != ResultKind::error) return {true, std::nullopt};
    if (!is_about_values(row_error_kind_of(result))) throw_result_error(result, "commit");
    return {false, LateRefusal{result.sqlstate(), result.primary_message(),
                               message_without_values(result), result.constraint_name(), 0}};
}

}  // namespace walpack
