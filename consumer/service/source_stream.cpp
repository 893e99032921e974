#include "service/source_stream.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "pg/primary.h"
#include "pg/replication_connection.h"
#include "service/back_off.h"
#include "service/continuity.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kSenderTimeoutMin{10'000};
constexpr std::chrono::milliseconds kLookInterval{5};
constexpr std::chrono::milliseconds kReleaseInterval{20};
constexpr std::chrono::seconds kReleaseTimeout{3};
// Then the source is away, or the slot was confirmed further meanwhile.
constexpr std::chrono::seconds kRestartTimeout{10};
// What targets that are there wait for the others, before the first session ever.
constexpr std::chrono::seconds kOthersTimeout{10};
// How often the source is asked meanwhile how much it keeps.
constexpr std::chrono::seconds kQuestionInterval{2};

ReceiverOptions receiver_options(const Config& config, std::function<void()> on_streaming) {
    ReceiverOptions options;
    options.source = config.source;
    options.slot = config.slot;
    options.status_interval = config.status_interval;
    options.receive_timeout = config.receive_timeout;
    options.application_name = "walpack_" + config.pipeline;
    options.on_streaming = std::move(on_streaming);
    options.plugin_options["origin"] = config.origin;
    options.plugin_options["frame_bytes"] = std::to_string(config.frame_bytes);
    // Older plugins do not know these: they are named only when they are wanted.
    if (config.streaming) options.plugin_options["streaming"] = "on";
    if (config.compression != "none") options.plugin_options["compression"] = config.compression;
    std::string names;
    for (const std::string& publication : config.publications) {
        names += (names.empty() ? "" : ",") + quote_identifier(publication);
    }
    options.plugin_options["publication_names"] = names;
    return options;
}

// While the server decodes what it does not send, it says that it is there only each half of its
// timeout, and never without one: more than receive_timeout would end such a session again and
// again. A shorter one is left alone.
void limit_sender_timeout(ReplicationConnection& source, std::chrono::milliseconds limit) {
    const std::string most = std::to_string(std::max(limit, kSenderTimeoutMin).count());
    source.session().execute(fmt::format(
        "SELECT pg_catalog.set_config(name, '{0}ms', false) FROM pg_catalog.pg_settings WHERE name "
        "= 'wal_sender_timeout' AND setting::pg_catalog.int8 NOT BETWEEN 1 AND {0}",
        most));
}

}  // namespace

std::unique_ptr<ReplicationConnection> connect_to_source(const Config& config,
                                                         const StopRequest& stop) {
    return std::make_unique<ReplicationConnection>(
        config.source, stop, "walpack_" + config.pipeline, config.receive_timeout);
}

SourceStream::SourceStream(const Config& config, std::uint64_t system_identifier,
                           std::unique_ptr<ReplicationConnection> first, OrderedLog& log,
                           const StopRequest& stop,
                           std::function<void(const std::string&)> on_state)
    : config_(config),
      system_identifier_(system_identifier),
      log_(log),
      stop_(stop),
      on_state_(std::move(on_state)),
      first_(std::move(first)),
      receiver_(receiver_options(config,
                                 [this] {
                                     was_streaming_ = true;
                                     on_state_("streaming");
                                 }),
                log, stop) {
    if (first_ != nullptr) first_->end_waits_with(stop);
}

void SourceStream::run(Confirmation& confirmation) {
    const std::jthread watching(
        [this, &confirmation](const std::stop_token& ended) { watch(confirmation, ended); });
    try {
        sessions(confirmation);
    } catch (...) {
        failure_ = std::current_exception();
        has_failed_ = true;
        log_.close(failure_);
        return;
    }
    log_.close(nullptr);
}

void SourceStream::throw_if_failed() const {
    if (has_failed_) std::rethrow_exception(failure_);
}

void SourceStream::sessions(Confirmation& confirmation) {
    BackOff back_off(config_.retry_delay_min, config_.retry_delay_max);
    while (!stop_.requested()) {
        was_streaming_ = false;
        try {
            session(confirmation);
        } catch (const Error& error) {
            if (reaction_to(error.kind()) == Reaction::finish) return;
            if (reaction_to(error.kind()) == Reaction::stop) throw;
            if (was_streaming_) back_off.reset();
            const auto delay = back_off.next();
            log::warning("{}; trying again in {} ms", error.report(), delay.count());
            on_state_("waiting for the source: " + error.message());
            wait_for(delay, stop_);
        }
    }
}

// Who it is, that it has all that the log has, and where its slot stands.
Lsn SourceStream::look_at_source(ReplicationConnection& source) {
    Connection& session = source.session();
    require_primary(session);
    const auto identity = source.identify_system();
    require_system(identity.system_identifier, system_identifier_);
    SourceHistory history = read_history(source, identity);
    const auto before = read_log_timeline(config_.log_directory);
    require_history(before, log_.state().end, history, "log");
    SlotState slot = read_usable_slot(session, config_.slot, history.timeline, before);
    // The walsender of a consumer that was killed needs a moment to notice.
    const auto deadline = std::chrono::steady_clock::now() + kReleaseTimeout;
    while (slot.active_pid && std::chrono::steady_clock::now() < deadline) {
        wait_for(kReleaseInterval, stop_);
        stop_.throw_if_requested();
        slot = read_usable_slot(session, config_.slot, history.timeline, before);
    }
    receiver_.confirm(slot.confirmed_flush_lsn);
    log_.note_confirmed(slot.confirmed_flush_lsn);
    const std::lock_guard lock(mutex_);
    history_ = std::move(history);
    return slot.confirmed_flush_lsn;
}

// What the log dropped from memory was not confirmed.
Lsn SourceStream::reaches_back_to() const {
    const Lsn from = log_.state().from;
    return from.is_valid() ? std::min(from, receiver_.confirmed()) : receiver_.confirmed();
}

std::uint32_t SourceStream::timeline() const {
    const std::lock_guard lock(mutex_);
    return history_.timeline;
}

SourceHistory SourceStream::history_up_to(Lsn position, const StopRequest& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (position <= history_.flush_lsn) return history_;
    }
    // It has written more since.
    const auto source = connect_to_source(config_, stop);
    SourceHistory history = read_history(*source, source->identify_system());
    const std::lock_guard lock(mutex_);
    // What comes is the old one's until the stream has found out.
    if (history.timeline != history_.timeline)
        throw Error(ErrorKind::connection,
                    "the source was promoted, and the stream is not of it yet");
    history_ = std::move(history);
    return history_;
}

void SourceStream::session(Confirmation& confirmation) {
    auto source = first_ != nullptr ? std::move(first_) : connect_to_source(config_, stop_);
    Lsn confirmed = look_at_source(*source);
    is_known_ = true;
    if (!read_log_timeline(config_.log_directory)) {
        // Their copies need a walsender too, and may take long enough for the source to change.
        source.reset();
        wait_for_targets(confirmation);
        source = connect_to_source(config_, stop_);
        confirmed = look_at_source(*source);
    }
    note_log_timeline(config_.log_directory, timeline());
    limit_sender_timeout(*source, config_.receive_timeout);
    bool is_new = generation_ == 0;
    const Lsn from = begin_log(confirmed, confirmation, is_new);
    if (is_new) {
        ++generation_;
        is_restart_requested_ = false;  // others asked for the same
    }
    log::info("streaming from slot \"{}\" at {}", config_.slot, from.to_string());
    receiver_.run(std::move(source), from);
}

Lsn SourceStream::begin_log(Lsn confirmed, Confirmation& confirmation, bool& is_new) {
    const std::lock_guard lock(confirming_);
    const Lsn begin = log_.state().from;
    confirmation.note_bound(begin.is_valid() ? std::min(begin, confirmed) : confirmed);
    const Lsn from = begin_of_session(confirmed, confirmation, is_new);
    log_.begin_session(from);
    return from;
}

// The log goes on where it ends. A slot that is confirmed further has nothing for what is between:
// targets that need that will say so. `is_new` becomes true when the log begins again, or had to
// be cut off.
Lsn SourceStream::begin_of_session(Lsn confirmed, const Confirmation& confirmation, bool& is_new) {
    const bool is_wanted = is_restart_requested_.exchange(false);
    // Otherwise those who go on behind the hole would have to go back for nothing.
    const bool was_cut = is_wanted && log_.end_session();
    is_new = is_new || was_cut || is_wanted;
    const Lsn end = log_.state().end;
    if (was_cut)
        log::info("what follows {} is received once more, as the log's disk was full",
                  end.to_string());
    // Not while a target lacks what the slot is confirmed by: only the log has that.
    const bool begins_again = is_wanted && !was_cut && confirmation.all_have(receiver_.confirmed());
    if (end.is_valid() && confirmed <= end && !begins_again) return end;
    if (end.is_valid()) {
        log::info("the log ends at {} and begins again at {}, where the slot is confirmed",
                  end.to_string(), confirmed.to_string());
        log_.reset();
    }
    is_new = true;
    return confirmed;
}

void SourceStream::request_restart() {
    is_restart_requested_ = true;
    receiver_.end_session();
}

void SourceStream::restart(std::uint64_t generation, const StopRequest& stop) {
    if (generation_ == generation) request_restart();
    const auto deadline = std::chrono::steady_clock::now() + kRestartTimeout;
    while (generation_ == generation && !has_failed_) {
        stop.throw_if_requested();
        if (std::chrono::steady_clock::now() >= deadline)
            throw Error(ErrorKind::connection, "the log could not be begun again for the target");
        std::this_thread::sleep_for(kLookInterval);
    }
}

// The first time ever. With synchronous replication commits wait for this stream as soon as there
// is one, and targets begin at a moment at which none is under way: then one that is away is waited
// for. Otherwise those that are there do not wait for it for long: it begins later, and the log
// keeps what it needs.
void SourceStream::wait_for_targets(const Confirmation& confirmation) {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> deadline;
    auto asked = Clock::now();
    std::unique_ptr<Connection> source;
    while (!confirmation.have_all_begun()) {
        stop_.throw_if_requested();
        const auto now = Clock::now();
        const bool may_end = confirmation.has_one_begun() || config_.confirm == "logged";
        if (!deadline && may_end) deadline = now + kOthersTimeout;
        bool is_over = deadline && now >= *deadline;
        if (now - asked >= kQuestionInterval && config_.wal_budget != 0) {
            asked = now;
            ask_retained(source);
            is_over = is_over || retained_ > config_.wal_budget;
        }
        if (is_over && !commits_wait_for_stream()) {
            log::info("the stream begins without the targets that are not ready yet");
            return;
        }
        if (is_over) deadline = now + kOthersTimeout;
        std::this_thread::sleep_for(kLookInterval);
    }
}

void SourceStream::wait_until_known(const StopRequest& stop) const {
    while (!is_known_ && !has_failed_) {
        stop.throw_if_requested();
        std::this_thread::sleep_for(kLookInterval);
    }
}

}  // namespace walpack
