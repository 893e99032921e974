#include "assemble/stream_spool.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/record_log.h"

namespace walpack {
namespace {

using testing::HasSubstr;

std::vector<std::string> read_all(StreamSpool& spool) {
    std::vector<std::string> messages;
    spool.read([&](std::string_view message) { messages.emplace_back(message); });
    return messages;
}

TEST(StreamSpool, GivesNothingBackWhenNothingWasPut) {
    StreamSpool spool("/tmp");
    EXPECT_THAT(read_all(spool), testing::IsEmpty());
}

TEST(StreamSpool, KeepsALittleInMemory) {
    StreamSpool spool("/nowhere");
    spool.append("first");
    spool.append(std::string("\0second", 7));
    EXPECT_FALSE(spool.is_on_disk());
    EXPECT_THAT(read_all(spool), testing::ElementsAre("first", std::string("\0second", 7)));
}

// Sizes around those of its pieces, so that heads and messages lie over every border.
TEST(StreamSpool, GivesBackInOrderWhatIsOnDisk) {
    StreamSpool spool("/tmp");
    std::vector<std::string> messages;
    for (std::size_t i = 0; i < 3000; ++i)
        messages.emplace_back(i * 7919 % 1500, static_cast<char>(i));
    for (const std::size_t bytes : {262'140U, 262'144U, 1'000'000U, 1U, 262'145U, 2U})
        messages.emplace_back(bytes, 'x');
    for (const auto& message : messages) spool.append(message);
    EXPECT_TRUE(spool.is_on_disk());
    EXPECT_EQ(read_all(spool), messages);
}

TEST(StreamSpool, TakesMoreAfterItWasRead) {
    StreamSpool spool("/tmp", 10);
    spool.append("a long first message");
    EXPECT_EQ(read_all(spool).size(), 1U);
    spool.append("second");
    EXPECT_THAT(read_all(spool), testing::ElementsAre("a long first message", "second"));
}

TEST(StreamSpool, LeavesNoNameInItsFolder) {
    std::string folder = testing::TempDir() + "walpack_spool_XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    StreamSpool spool(folder, 10);
    spool.append("a message of more than ten bytes");
    EXPECT_TRUE(spool.is_on_disk());
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    std::filesystem::remove(folder);
}

TEST(StreamSpool, SaysThatItsFolderDoesNotExist) {
    StreamSpool spool("/nowhere", 10);
    EXPECT_THAT(error_of([&] { spool.append("a message of more than ten bytes"); }),
                HasSubstr("could not make a file in the spool directory \"/nowhere\": No such file "
                          "or directory\nHINT:  Set spool_directory"));
}

TEST(StreamSpool, SaysAtTheStartThatItsFolderDoesNotExist) {
    EXPECT_THAT(error_of([] { check_spool_directory("/nowhere"); }), HasSubstr("\"/nowhere\""));
    EXPECT_EQ(error_of([] { check_spool_directory("/tmp"); }), "no error");
}

// Ends this process: with 0 when the error says what it should. A file that may not grow stands for
// a full disk, since both fail the same call.
[[noreturn]] void fill_the_disk() {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &small);
    StreamSpool spool("/tmp", 100);
    const std::string error = error_of([&] {
        for (int i = 0; i < 100; ++i) spool.append(std::string(50, 'x'));
    });
    const bool is_said =
        error.starts_with("ERROR:  could not write the spool of a streamed transaction in") &&
        error.find("HINT:  Make room there") != std::string::npos;
    std::exit(is_said ? 0 : 1);
}

TEST(StreamSpool, SaysThatTheDiskIsFull) {
    EXPECT_EXIT(fill_the_disk(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace walpack
