#include "log/reader_state.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "log/segment_format.h"

namespace walpack {

LogReader::State::State(std::shared_ptr<LogCore> log, std::string target, Lsn position)
    : core(std::move(log)) {
    place.target = std::move(target);
    core->add(place, position);
    place.handed_out = place.next;
    mark = place.next - 1;
    bytes_taken = core->total_bytes();
}

LogReader::State::~State() {
    core->remove(place, leaves);
}

bool LogReader::State::rewind(Lsn position) {
    at = 0;
    message_next = 0;
    checkpoint.reset();
    unreleased.clear();
    has_start = false;
    do {
        if (!core->rewind(place, position, fetched)) {
            ++refused_rewinds;
            return false;
        }
    } while (!load_state());
    taken = {fetched.from, 0, true};
    has_start = has_fetched();
    place.handed_out = place.next;
    mark = place.next - 1;
    bytes_taken = fetched.bytes_before;
    unreleased.push_back(place.next);
    core->remove_released();
    return true;
}

std::optional<LogEntry> LogReader::State::take(std::chrono::nanoseconds timeout) {
    const bool is_void = !has_start && fetched.generation != core->generation();
    if (is_void && has_fetched()) {
        core->check(place, fetched, message_next);
        // The place may have changed, which is what comes next when nothing is left.
        if (!has_fetched()) place.handed_out.store(place.next, std::memory_order_release);
    }
    if (!has_fetched()) fetch(timeout);
    if (!has_fetched()) return std::nullopt;
    return hand_out();
}

void LogReader::State::fetch(std::chrono::nanoseconds timeout) {
    do {
        at = 0;
        core->fetch(place, fetched, message_next, timeout);
        if (!fetched.in_file) file.reset();
        if (fetched.in_file) read_file();
    } while (fetched.in_file && fetched.items.empty());
    // The end of what was cut off may have been stepped over.
    if (!has_fetched()) place.handed_out.store(place.next, std::memory_order_release);
}

// What is cut off or forgotten while it is read leaves no items.
void LogReader::State::read_file() {
    const InFile& wanted = *fetched.in_file;
    try {
        if (!file || file->number() != wanted.number || next_in_file != wanted.next) {
            file.emplace(wanted.path, wanted.number);
            file->seek(wanted.offset);
        }
        std::size_t bytes = 0;
        std::uint64_t sequence = wanted.next;
        while (sequence < wanted.end && fetched.items.size() < kFetchEntries &&
               bytes < kFetchBytes) {
            auto entry = file->next();
            if (!entry || entry->sequence > sequence) throw_damaged();
            if (entry->sequence < sequence) continue;
            bytes += bytes_of(entry->entry);
            fetched.items.push_back({std::move(entry->entry), sequence++});
        }
        next_in_file = sequence;
    } catch (...) {
        file.reset();
        if (core->generation() == fetched.generation) throw;
        fetched.items.clear();
        return;
    }
    if (core->accept(place, fetched)) return;
    fetched.items.clear();
    file.reset();
}

void LogReader::State::throw_damaged() const {
    throw Error(ErrorKind::config, fmt::format("the log's file \"{}\" is damaged at offset {}",
                                               file->path(), file->offset()))
        .hint(
            "Nothing behind it was applied. Move the folder away; when the slot was confirmed "
            "past it, the tables have to be copied again.");
}

// Behind a rewind to where memory does not have it. False when the log's thread has removed files
// since: then the place may be another.
bool LogReader::State::load_state() {
    if (fetched.state_path.empty()) return true;
    const auto are_same_files = [this] { return core->generation() == fetched.generation; };
    if (!are_same_files()) return false;
    std::string bytes;
    try {
        bytes = read_whole_file(fetched.state_path);
    } catch (const Error&) {
        if (!are_same_files()) return false;
        throw;
    }
    auto state = decode_state(bytes);
    if (!state)
        throw Error(ErrorKind::config,
                    fmt::format("the log's file \"{}\" is damaged", fetched.state_path))
            .hint(
                "Nothing behind it was applied. Move the folder away; when the slot was "
                "confirmed past it, the tables have to be copied again.");
    fetched.items.back().entry = ReceivedMessage{Lsn{}, state->state};
    return true;
}

LogEntry LogReader::State::hand_out() {
    Fetched::Item& item = fetched.items[at++];
    mark = item.sequence;
    if (!has_start) taken.take(item.entry, mark);
    if (std::holds_alternative<ReceivedMessage>(item.entry)) {
        message_next = mark + 1;
    } else if (std::holds_alternative<SessionStart>(item.entry) && !has_start) {
        taken.is_between = true;  // what was cut off was not to end any more
        unreleased.push_back(mark);
    }
    if (!has_fetched() && fetched.boundary) {
        unreleased.push_back(fetched.boundary->first);
    }
    if (has_start) {
        has_start = has_fetched();
    } else {
        place.handed_out.store(has_fetched() ? mark + 1 : place.next, std::memory_order_release);
        bytes_taken.store(fetched.bytes_before += bytes_of(item.entry), std::memory_order_relaxed);
    }
    return std::move(item.entry);
}

bool LogReader::State::is_drained() const {
    return !has_start && place.handed_out.load(std::memory_order_acquire) >= core->next();
}

bool LogReader::State::wants_state() const {
    return fetched.boundary && !has_fetched() && !fetched.boundary->has_state;
}

void LogReader::State::release(Lsn position, std::optional<std::uint64_t> held_from) {
    if (position.value > place.released) place.released = position.value;
    constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
    const Checkpoint now{std::min(held_from.value_or(kNever), mark + 1), taken.end};
    if (checkpoint && position >= checkpoint->need) {
        released_before(checkpoint->limit);
        checkpoint.reset();
    }
    if (position >= now.need) {
        released_before(now.limit);
    } else if (!checkpoint) {
        checkpoint = now;
    }
}

void LogReader::State::released_before(std::uint64_t sequence) {
    if (sequence <= place.released_sequence) return;
    place.released_sequence = sequence;
    bool is_behind_segment = false;
    while (!unreleased.empty() && unreleased.front() <= sequence) {
        unreleased.pop_front();
        is_behind_segment = true;
    }
    if (is_behind_segment || core->waits_for_release()) core->remove_released();
}

}  // namespace walpack
