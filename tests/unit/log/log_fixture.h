// What the tests of the log share: a folder of their own, short ways to append and to read.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "log/ordered_log.h"

namespace walpack {

constexpr std::chrono::milliseconds kNoWait{0};
constexpr std::chrono::seconds kLong{10};

class LogTest : public testing::Test {
  protected:
    LogTest() {
        std::string name = testing::TempDir() + "walpack_log_XXXXXX";
        folder_ = mkdtemp(name.data());
    }
    ~LogTest() override { std::filesystem::remove_all(folder_); }

    // Segments of a few messages.
    OrderedLogOptions options() const {
        OrderedLogOptions options;
        options.directory = folder_ / "log";
        options.memory_bytes_max = 64 << 10;
        options.segment_bytes = 1000;
        return options;
    }
    static LogIdentity identity() { return {"pipeline", "slot", 7}; }

    std::filesystem::path folder_;
};

inline void append_message(OrderedLog& log, const std::string& payload, std::uint64_t lsn = 0) {
    log.append(ReceivedMessage{Lsn{lsn}, payload});
}

// A transaction of two messages.
inline void append_transaction(OrderedLog& log, std::uint64_t end, std::size_t bytes = 10) {
    append_message(log, "begin " + std::to_string(end) + std::string(bytes, '.'));
    append_message(log, "commit " + std::to_string(end), end);
}

inline std::string text_of(const LogEntry& entry) {
    if (const auto* message = std::get_if<ReceivedMessage>(&entry))
        return message->payload.to_string();
    if (const auto* keepalive = std::get_if<ReceivedKeepalive>(&entry))
        return "keepalive " + std::to_string(keepalive->wal_end.value);
    return "session";
}

// The same, as a target does that has durably what ends at or before `applied`.
inline std::vector<std::string> read_up_to_now(
    LogReader& reader, Lsn applied, std::optional<std::uint64_t> held_from = std::nullopt) {
    std::vector<std::string> texts;
    for (;;) {
        reader.release(applied, held_from);
        if (reader.wants_state())
            reader.note_state("state behind " + std::to_string(reader.mark()), held_from);
        const auto entry = reader.take(kNoWait);
        if (!entry) return texts;
        texts.push_back(text_of(*entry));
    }
}

template <typename Condition>
void wait_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (!condition()) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// What waits, up to `count`; states that are asked for are given as "state <mark>".
inline std::vector<std::string> take_all(LogReader& reader, std::size_t count = 1'000'000) {
    std::vector<std::string> texts;
    while (texts.size() < count) {
        if (reader.wants_state()) {
            reader.note_state("state behind " + std::to_string(reader.mark()), std::nullopt);
        }
        const auto entry = reader.take(kNoWait);
        if (!entry) break;
        texts.push_back(text_of(*entry));
    }
    return texts;
}

}  // namespace walpack
