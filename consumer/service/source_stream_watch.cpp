// What the source is asked beside the stream, and when what was received is received once more.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "service/back_off.h"
#include "service/source_stream.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kUpdateInterval{100};
constexpr int kUpdatesPerQuestion = 10;
// Updates after which the log has had time to be written.
constexpr int kLackingMax = 30;
// And after which a target that still has to apply what is larger than the log counts as away.
constexpr int kLackingAppliedMax = 6000;
// Updates after which room in the log's disk is taken to stay.
constexpr int kRoomyMax = 100;
constexpr int kRoomyMaxLongest = 36'000;

// Whether the stream is one of the standbys that commits wait for.
bool is_synchronous(Connection& source, const std::string& pipeline) {
    const auto answer = source.query_value(
        "SELECT names LIKE '%*%' OR pg_catalog.strpos(names, pg_catalog.lower(" +
        quote_literal("walpack_" + pipeline) +
        ")) > 0 FROM pg_catalog.lower(pg_catalog.current_setting('synchronous_standby_names')) "
        "AS names");
    return answer == "t";
}

}  // namespace

void SourceStream::watch(Confirmation& confirmation, const std::stop_token& ended) {
    std::unique_ptr<Connection> source;
    int lacking = 0;
    Lsn lacking_from;
    int roomy = 0;
    int roomy_max = kRoomyMax;
    Lsn durable_before;
    for (int turn = 0; !ended.stop_requested() && !stop_.requested(); ++turn) {
        if (turn % kUpdatesPerQuestion == 0) {
            if (config_.wal_budget != 0 && receiver_.is_streaming()) ask_retained(source);
            confirmation.note_retained(retained_);
            is_awaited_ = confirmation.is_held_back() && (is_awaited_ || ask_awaited(source));
            confirmation.note_awaited(is_awaited_);
        }
        {
            const std::lock_guard lock(confirming_);
            confirmation.update();
        }
        const OrderedLogState state = log_.state();
        // What is larger than the log would be received for ever.
        const bool lacks =
            receiver_.is_streaming() && confirmation.lacks_begin() && !state.is_receiving_unwritten;
        // The slot follows targets that keep up without it.
        const bool counts = lacks && confirmation.applied_by_all() < lacking_from;
        lacking = counts ? lacking + 1 : 0;
        if (!counts) lacking_from = state.end;
        const int lacking_max = state.is_applying_unwritten ? kLackingAppliedMax : kLackingMax;
        if (lacking >= lacking_max && confirmation.all_have(receiver_.confirmed())) {
            lacking = 0;
            log::info(
                "what the targets have not applied is received once more, for the log's disk");
            request_restart();
        }
        // The source has to keep what could be in the log.
        const bool is_roomy = state.has_hole && state.has_much_room && confirmation.is_logged();
        roomy = is_roomy ? roomy + 1 : 0;
        if (state.durable > durable_before) roomy_max = kRoomyMax;
        if (roomy >= roomy_max) {
            roomy = 0;
            // In vain where it cannot be written all the same.
            roomy_max = std::min(2 * roomy_max, kRoomyMaxLongest);
            durable_before = state.durable;
            request_restart();
        }
        wait_for(kUpdateInterval, stop_);
    }
}

Connection& SourceStream::asking(std::unique_ptr<Connection>& source) {
    if (source == nullptr) {
        source = std::make_unique<Connection>(config_.source, stop_, "walpack_" + config_.pipeline);
        source->limit_silence(config_.receive_timeout);
    }
    return *source;
}

// What cannot be asked stays as it was: that the source is away is the stream's affair.
void SourceStream::ask_retained(std::unique_ptr<Connection>& source) {
    try {
        const std::optional<SlotState> slot = read_slot(asking(source), config_.slot);
        if (!slot) return;
        const std::uint64_t end = slot->restart_lsn.value + slot->retained_bytes;
        const std::uint64_t confirmed = slot->confirmed_flush_lsn.value;
        retained_ = end > confirmed ? end - confirmed : 0;
    } catch (const Error& error) {
        log::debug("could not ask the source how much WAL it keeps: {}", error.message());
        source.reset();
    }
}

// Commits may wait for this stream, as its name is a synchronous standby's.
bool SourceStream::ask_awaited(std::unique_ptr<Connection>& source) {
    if (!receiver_.is_streaming()) return false;
    try {
        return is_synchronous(asking(source), config_.pipeline);
    } catch (const Error& error) {
        log::debug("could not ask the source for whom its commits wait: {}", error.message());
        source.reset();
        return false;
    }
}

bool SourceStream::commits_wait_for_stream() const {
    Connection source(config_.source, stop_, "walpack_" + config_.pipeline);
    source.limit_silence(config_.receive_timeout);
    return is_synchronous(source, config_.pipeline);
}

}  // namespace walpack
