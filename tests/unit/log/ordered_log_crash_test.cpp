// What is left of the log's files after a crash at any byte, a changed byte, a full disk.
#include <csignal>
#include <fstream>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "unit/log/log_fixture.h"

namespace walpack {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The transaction that ends at `lsn`; tells what it has to be.
std::vector<std::string> transaction(std::uint64_t lsn) {
    std::mt19937_64 random(lsn);
    std::vector<std::string> messages;
    for (std::uint64_t left = random() % 4; left > 0; --left)
        messages.push_back("change " + std::to_string(lsn) + std::string(random() % 150, '.'));
    messages.push_back("commit " + std::to_string(lsn));
    return messages;
}

void append_known(OrderedLog& log, std::uint64_t lsn) {
    const auto messages = transaction(lsn);
    for (const std::string& message : messages)
        append_message(log, message, &message == &messages.back() ? lsn : 0);
}

class OrderedLogCrashTest : public LogTest {
  protected:
    std::unique_ptr<OrderedLog> open(const fs::path& folder) const {
        OrderedLogOptions in = options();
        in.directory = folder;
        in.segment_bytes = segment_bytes_;
        return std::make_unique<OrderedLog>(in, identity());
    }

    // Whole transactions up to the log's end, and nothing else.
    static void expect_whole(OrderedLog& log) {
        const OrderedLogState state = log.state();
        const auto reader = log.add_reader("", Lsn{100});
        if (!state.end.is_valid()) return;
        ASSERT_TRUE(reader->rewind(Lsn{100}));
        std::vector<std::string> expected{"session"};
        for (std::uint64_t lsn = 101; lsn <= state.end.value; ++lsn)
            for (std::string& message : transaction(lsn)) expected.push_back(std::move(message));
        EXPECT_EQ(take_all(*reader), expected);
    }

    void write_log(std::uint64_t end) {
        const auto log = open(folder_ / "log");
        const auto reader = log->add_reader("", Lsn{100});
        log->set_durable(true);
        log->begin_session(Lsn{100});
        for (std::uint64_t lsn = 101; lsn <= end; ++lsn) append_known(*log, lsn);
        wait_until([&] { return log->state().durable == Lsn{end}; });
    }

    std::vector<fs::path> log_files(const fs::path& folder) const {
        std::vector<fs::path> paths;
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.path().extension() == ".log") paths.push_back(entry.path());
        std::sort(paths.begin(), paths.end());
        return paths;
    }

    std::size_t segment_bytes_ = options().segment_bytes;
};

TEST_F(OrderedLogCrashTest, TheLastFileMayEndAtAnyByte) {
    write_log(106);
    const fs::path copy = folder_ / "copy";
    const std::uint64_t size = fs::file_size(log_files(folder_ / "log").back());
    std::uint64_t ends = 0;
    for (std::uint64_t bytes = 0; bytes <= size; ++bytes) {
        fs::remove_all(copy);
        fs::copy(folder_ / "log", copy);
        fs::resize_file(log_files(copy).back(), bytes);
        const auto log = open(copy);
        SCOPED_TRACE(bytes);
        expect_whole(*log);
        ends = std::max(ends, log->state().end.value);
        // And it can go on.
        log->begin_session(log->state().end.is_valid() ? log->state().end : Lsn{100});
    }
    EXPECT_EQ(ends, 106U);
}

TEST_F(OrderedLogCrashTest, WhatACrashCutOffIsToldFromDamage) {
    segment_bytes_ = 1 << 20;
    write_log(140);
    const fs::path copy = folder_ / "copy";
    fs::copy(folder_ / "log", copy);
    const fs::path torn = log_files(copy).front();
    fs::resize_file(torn, fs::file_size(torn) - 3);
    EXPECT_THAT(open(copy)->damage(), AllOf(HasSubstr(torn), Not(HasSubstr("damaged"))));
    EXPECT_EQ(open(copy)->damage(), "");  // what was torn is cut off
    const fs::path damaged = log_files(folder_ / "log").front();
    {
        std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(fs::file_size(damaged) / 2));
        file.write("damage", 6);
    }
    const auto log = open(folder_ / "log");
    EXPECT_THAT(log->damage(), HasSubstr("\"" + damaged.string() + "\" is damaged at offset"));
    expect_whole(*log);
}

TEST_F(OrderedLogCrashTest, AChangedByteIsNeverDelivered) {
    write_log(140);
    const fs::path copy = folder_ / "copy";
    std::mt19937_64 random(20'260'728);
    int refused = 0;
    for (int round = 0; round < 100; ++round) {
        fs::remove_all(copy);
        fs::copy(folder_ / "log", copy);
        const auto paths = log_files(copy);
        const fs::path& path = paths[random() % paths.size()];
        const auto at = static_cast<std::streamoff>(random() % fs::file_size(path));
        const char flip = static_cast<char>(1 << random() % 8);
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(at);
        const char changed = static_cast<char>(file.get() ^ flip);
        file.seekp(at);
        file.put(changed);
        file.close();
        SCOPED_TRACE(path.filename().string() + " at " + std::to_string(at));
        try {
            const auto log = open(copy);
            expect_whole(*log);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::config);
            EXPECT_NE(std::string(error.what()).find(copy), std::string::npos);
            ++refused;
        }
    }
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, 100);
}

TEST_F(OrderedLogCrashTest, WhatWasCalledDurableIsThereAfterAKill) {
    for (unsigned round = 0; round < 5; ++round) {
        fs::remove_all(folder_ / "log");
        int told[2];
        ASSERT_EQ(pipe(told), 0);
        const pid_t child = fork();
        if (child == 0) {
            const auto log = open(folder_ / "log");
            const auto reader = log->add_reader("", Lsn{100});
            log->set_durable(true);
            log->begin_session(Lsn{100});
            for (std::uint64_t lsn = 101;; ++lsn) {
                while (!log->has_room()) std::this_thread::yield();
                append_known(*log, lsn);
                const Lsn durable = log->state().durable;
                if (write(told[1], &durable, sizeof durable) < 0) _exit(1);
            }
        }
        close(told[1]);
        Lsn durable;
        Lsn last;
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50 * round);
        while (read(told[0], &last, sizeof last) == sizeof last) {
            durable = last;
            if (std::chrono::steady_clock::now() > end && durable.is_valid()) break;
        }
        kill(child, SIGKILL);
        while (read(told[0], &last, sizeof last) == sizeof last) durable = last;
        close(told[0]);
        waitpid(child, nullptr, 0);
        const auto log = open(folder_ / "log");
        EXPECT_GE(log->state().end, durable);
        expect_whole(*log);
    }
}

// A limit on the size of files stands in for a full disk: a write succeeds in part, then fails.
TEST_F(OrderedLogCrashTest, GoesOnByItselfWhenFilesMayGrowAgain) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const auto log = open(folder_ / "log");
    const auto reader = log->add_reader("", Lsn{100});
    log->set_durable(true);
    log->begin_session(Lsn{100});
    rlimit small = before;
    small.rlim_cur = 500;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    std::uint64_t lsn = 100;
    wait_until([&] {
        while (log->has_room()) append_known(*log, ++lsn);
        return !log->state().disk_error.empty();
    });
    EXPECT_LT(log->state().durable, Lsn{lsn});
    for (const fs::path& path : log_files(folder_ / "log")) EXPECT_LE(fs::file_size(path), 500U);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    wait_until([&] { return log->state().durable == Lsn{lsn}; });
    EXPECT_EQ(log->state().disk_error, "");
    EXPECT_TRUE(log->has_room());
    expect_whole(*log);
    std::signal(SIGXFSZ, handler);
}

}  // namespace
}  // namespace walpack
