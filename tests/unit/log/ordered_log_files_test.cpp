// The log in files: readers that lag, a restart, what is durable, refusals.
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/error.h"
#include "unit/log/log_files_fixture.h"

namespace walpack {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

TEST_F(OrderedLogFilesTest, MakesItsFolderAndFilesForTheOwnerAlone) {
    write_log(150);
    struct stat file {};
    ASSERT_EQ(stat((folder_ / "log").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0700U);
    for (const std::string& name : files()) {
        ASSERT_EQ(stat((folder_ / "log" / name).c_str(), &file), 0);
        EXPECT_EQ(file.st_mode & 0777, 0600U) << name;
    }
}

TEST_F(OrderedLogFilesTest, WritesNothingWhileReadersKeepUp) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log->begin_session(Lsn{100});
    for (std::uint64_t lsn = 110; lsn <= 2000; lsn += 10) {
        append_transaction(*log, lsn, 300);
        read_up_to_now(*reader, Lsn{lsn});
    }
    EXPECT_THAT(files(), ElementsAre("lock"));
    EXPECT_EQ(log->state().written_bytes, 0U);
}

TEST_F(OrderedLogFilesTest, AReaderThatLagsFindsItAllInFiles) {
    const auto log = open();
    const auto fast = log->add_reader("", Lsn{100});
    const auto slow = log->add_reader("", Lsn{100});
    ASSERT_TRUE(fast->rewind(Lsn{100}));
    ASSERT_TRUE(slow->rewind(Lsn{100}));
    log->begin_session(Lsn{100});
    std::vector<std::string> expected;
    for (std::uint64_t lsn = 110; lsn <= 5000; lsn += 10) {
        wait_until([&] { return log->has_room(); });
        append_transaction(*log, lsn, 300);
        for (std::string& text : read_up_to_now(*fast, Lsn{lsn}))
            expected.push_back(std::move(text));
    }
    EXPECT_GT(log->state().disk_bytes, 100'000U);
    EXPECT_LE(log->state().memory_bytes, options().memory_bytes_max);
    EXPECT_EQ(read_up_to_now(*slow, Lsn{100}), expected);
    EXPECT_TRUE(slow->is_drained());
    EXPECT_EQ(slow->waiting_bytes(), 0U);
    slow->release(Lsn{5000});
    wait_until([&] { return files() == std::set<std::string>{"lock"}; });
}

TEST_F(OrderedLogFilesTest, SaysWhatIsDurable) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log->begin_session(Lsn{100});
    append_transaction(*log, 110);
    EXPECT_FALSE(log->state().durable.is_valid());
    log->set_durable(true);
    wait_until([&] { return log->state().durable == Lsn{110}; });
    append_message(*log, "begin");
    log->append(ReceivedKeepalive{Lsn{115}, false});
    append_message(*log, "commit", 120);
    log->append(ReceivedKeepalive{Lsn{130}, false});
    wait_until([&] { return log->state().durable == Lsn{130}; });
}

// Nothing lies between, but who has not got so far finds no place to begin at otherwise.
TEST_F(OrderedLogFilesTest, KeepsWhatAKeepaliveEndsUntilThePositionIsThere) {
    {
        const auto log = open();
        const auto reader = log->add_reader("", Lsn{100});
        ASSERT_TRUE(reader->rewind(Lsn{100}));
        log->set_durable(true);
        log->begin_session(Lsn{100});
        append_transaction(*log, 110);
        log->append(ReceivedKeepalive{Lsn{130}, false});
        wait_until([&] { return log->state().durable == Lsn{130}; });
        (void)take_all(*reader);
        reader->release(Lsn{110});
        log->begin_session(Lsn{130});
        append_transaction(*log, 140);
        wait_until([&] { return log->state().durable == Lsn{140}; });
    }
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{110});
    ASSERT_TRUE(reader->rewind(Lsn{110}));
    EXPECT_THAT(take_all(*reader), testing::Contains("commit 140"));
    reader->release(Lsn{140});
    wait_until([&] { return files().size() <= 3; });
}

TEST_F(OrderedLogFilesTest, IsThereAfterARestart) {
    write_log(300);
    const auto log = open();
    EXPECT_EQ(log->state().from, Lsn{100});
    EXPECT_EQ(log->state().end, Lsn{300});
    const auto reader = log->add_reader("", Lsn{100});
    EXPECT_EQ(log->state().durable, Lsn{300});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    const auto texts = read_up_to_now(*reader, Lsn{100});
    EXPECT_EQ(texts.size(), 41U);
    EXPECT_EQ(texts.front(), "session");
    EXPECT_EQ(texts.back(), "commit 300");
    log->begin_session(Lsn{300});
    EXPECT_THAT(read_up_to_now(*reader, Lsn{100}), ElementsAre("session"));
}

TEST_F(OrderedLogFilesTest, BeginsAfterARestartWhereTheTargetIs) {
    write_log(300);
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{250});
    ASSERT_TRUE(reader->rewind(Lsn{250}));
    const auto texts = read_up_to_now(*reader, Lsn{250});
    EXPECT_EQ(texts.at(0), "session");
    EXPECT_EQ(texts.at(1).substr(0, 12), "state behind");
    EXPECT_LT(texts.size(), 22U);
    EXPECT_GE(texts.size(), 12U);
    EXPECT_EQ(texts.back(), "commit 300");
}

TEST_F(OrderedLogFilesTest, RefusesTheFilesOfAnother) {
    write_log(150);
    for (const LogIdentity& other :
         {LogIdentity{"other", "slot", 7}, LogIdentity{"pipeline", "other", 7},
          LogIdentity{"pipeline", "slot", 8}}) {
        try {
            const OrderedLog log(options(), other);
            FAIL() << other.pipeline << other.slot;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::config);
            EXPECT_THAT(error.what(), HasSubstr("belongs to another log"));
        }
    }
}

TEST_F(OrderedLogFilesTest, RefusesASecondUser) {
    const auto log = open();
    EXPECT_THAT(message_of_open_error(), HasSubstr("in use by another process"));
}

TEST_F(OrderedLogFilesTest, RefusesAFolderThatCannotBeMade) {
    OrderedLogOptions options;
    options.directory = folder_ / "missing" / "log";
    try {
        const OrderedLog log(options, identity());
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::limit);
    }
}

TEST_F(OrderedLogFilesTest, AResetRemovesTheFiles) {
    write_log(300);
    const auto log = open();
    log->reset();
    wait_until([&] { return files() == std::set<std::string>{"lock"}; });
    EXPECT_FALSE(log->state().end.is_valid());
    EXPECT_EQ(log->state().disk_bytes, 0U);
}

TEST_F(OrderedLogFilesTest, CutsOffASessionThatEndedInsideOfATransaction) {
    {
        const auto log = open();
        const auto reader = log->add_reader("", Lsn{100});
        log->set_durable(true);
        log->begin_session(Lsn{100});
        append_transaction(*log, 110);
        append_message(*log, "begin");
        append_message(*log, "change");
        wait_until([&] { return log->state().durable == Lsn{110}; });
        log->begin_session(Lsn{110});
        append_message(*log, "begin");
        append_message(*log, "commit", 130);
        append_message(*log, "begin");
        wait_until([&] { return log->state().durable == Lsn{130}; });
    }
    const auto log = open();
    EXPECT_EQ(log->state().end, Lsn{130});
    const auto reader = log->add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    auto texts = take_all(*reader);
    ASSERT_EQ(texts.size(), 6U);
    EXPECT_THAT(texts.at(2), "commit 110");
    EXPECT_THAT(texts.at(3), "session");
    EXPECT_THAT(texts.at(5), "commit");
}

TEST_F(OrderedLogFilesTest, WritesNoMoreThanItsBudget) {
    OrderedLogOptions small = options();
    small.disk_bytes_max = 20'000;
    OrderedLog log(small, identity());
    const auto reader = log.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log.begin_session(Lsn{100});
    std::uint64_t lsn = 100;
    const auto full = [&] { return !log.has_room() && log.state().is_out_of_budget; };
    wait_until([&] {
        while (log.has_room()) append_transaction(log, lsn += 10, 300);
        return full();
    });
    EXPECT_LE(log.state().disk_bytes, 20'000U);
    // It goes on by itself once there is room.
    std::size_t taken = 0;
    wait_until([&] {
        taken += read_up_to_now(*reader, Lsn{lsn}).size();
        return log.has_room() && !log.state().is_out_of_budget && reader->is_drained();
    });
    EXPECT_EQ(taken, 1 + 2 * (lsn - 100) / 10);
}

TEST_F(OrderedLogFilesTest, ReadsALargeMessageBack) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log->set_durable(true);
    log->begin_session(Lsn{100});
    const std::string large(3 << 20, 'x');
    append_message(*log, large, 110);
    append_message(*log, "small", 120);
    wait_until([&] { return log->state().durable == Lsn{120} && log->has_room(); });
    EXPECT_THAT(take_all(*reader), ElementsAre("session", large, "small"));
}

TEST_F(OrderedLogFilesTest, NamesTheFileThatEndsEarlyAndGivesNothingBehindIt) {
    write_log(300);
    const std::string damaged = folder_ / "log" / "0000000000000002.log";
    fs::resize_file(damaged, fs::file_size(damaged) - 1);
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{100});
    try {
        EXPECT_TRUE(reader->rewind(Lsn{100}));
        FAIL() << "read past the damage";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::config);
        EXPECT_THAT(error.what(), HasSubstr(damaged));
        EXPECT_THAT(error.what(), HasSubstr("at offset"));
    }
    EXPECT_TRUE(reader->rewind(Lsn{290}));
}

TEST_F(OrderedLogFilesTest, NamesAFileThatIsMissing) {
    write_log(300);
    fs::remove(folder_ / "log" / "0000000000000002.log");
    EXPECT_THAT(message_of_open_error(), HasSubstr("0000000000000002.log\" is missing"));
}

}  // namespace
}  // namespace walpack
