#include <utility>

#include "log/ordered_log.h"
#include "log/reader_state.h"

namespace walpack {

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

LogReader::~LogReader() = default;

bool LogReader::rewind(Lsn position) {
    return state_->rewind(position);
}

bool LogReader::is_before_hole() const {
    return state_->place.was_before_hole;
}

std::uint64_t LogReader::refused_rewinds() const {
    return state_->refused_rewinds;
}

std::optional<LogEntry> LogReader::take(std::chrono::nanoseconds timeout) {
    return state_->take(timeout);
}

bool LogReader::is_drained() const {
    return state_->is_drained();
}

std::uint64_t LogReader::waiting_bytes() const {
    const std::uint64_t taken = state_->bytes_taken;
    const std::uint64_t total = state_->core->total_bytes();
    return total > taken ? total - taken : 0;
}

bool LogReader::wants_state() const {
    return state_->wants_state();
}

void LogReader::note_state(std::string state, std::optional<std::uint64_t> held_from) {
    if (!state_->wants_state() || held_from) return;
    state_->core->note_state(*state_->fetched.boundary, std::move(state));
}

void LogReader::release(Lsn position, std::optional<std::uint64_t> held_from) {
    state_->release(position, held_from);
}

std::uint64_t LogReader::mark() const {
    return state_->mark;
}

void LogReader::leave() {
    state_->leaves = true;
}

}  // namespace walpack
