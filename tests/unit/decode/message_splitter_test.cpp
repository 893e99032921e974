#include "decode/message_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using namespace wire;

using Messages = std::vector<std::pair<std::string, std::uint64_t>>;

// The messages with their offsets, when the stream comes in chunks of that many bytes.
Messages split(const Bytes& stream, std::size_t chunk = 1'000'000) {
    Messages messages;
    const auto keep = [&](std::string_view message, std::uint64_t offset) {
        messages.emplace_back(message, offset);
    };
    MessageSplitter splitter;
    for (std::size_t at = 0; at < stream.size(); at += chunk)
        splitter.feed(std::string_view(stream).substr(at, chunk), keep);
    splitter.finish(keep);
    return messages;
}

const Bytes kFirst = hello() + begin();
const Bytes kSecond = insert(1, {row({integer(10), str("\n\n"), bin("\n")})}) + commit();

TEST(MessageSplitter, EndsMessageAtNewlineWhereARecordMayStart) {
    EXPECT_THAT(split(kFirst + "\n" + kSecond + "\n"),
                ElementsAre(Pair(kFirst, 0), Pair(kSecond, kFirst.size() + 1)));
}

TEST(MessageSplitter, FindsTheSameMessagesByteForByte) {
    const Bytes stream = kFirst + "\n" + kSecond + "\n" + kFirst + "\n";
    EXPECT_EQ(split(stream, 1), split(stream));
}

TEST(MessageSplitter, KeepsNewlinesInsideOfValues) {
    const Bytes message = array({integer(10), str(Bytes(300, '\n')), extension(10, "\n\n\n")});
    EXPECT_THAT(split(message + "\n", 7), ElementsAre(Pair(message, 0)));
}

TEST(MessageSplitter, HandsOutAMessageWhenItsNewlineHasCome) {
    int count = 0;
    const auto keep = [&](std::string_view, std::uint64_t) { ++count; };
    MessageSplitter splitter;
    splitter.feed(kFirst, keep);
    EXPECT_EQ(count, 0);
    splitter.feed("\n", keep);
    EXPECT_EQ(count, 1);
}

TEST(MessageSplitter, HandsOutALastMessageWithoutNewline) {
    EXPECT_THAT(split(kFirst + "\n" + kSecond),
                ElementsAre(Pair(kFirst, 0), Pair(kSecond, kFirst.size() + 1)));
}

TEST(MessageSplitter, SkipsEmptyLines) {
    EXPECT_THAT(split("\n\n" + kFirst + "\n\n\n"), ElementsAre(Pair(kFirst, 2)));
}

TEST(MessageSplitter, FindsNothingInAnEmptyStream) {
    EXPECT_THAT(split(""), testing::IsEmpty());
}

TEST(MessageSplitter, WalksOverNestingOfTenThousandArrays) {
    const Bytes message = Bytes(10'000, '\x91') + nil();
    EXPECT_THAT(split(message + "\n"), ElementsAre(Pair(message, 0)));
}

TEST(MessageSplitter, HandsOutWholeMessagesBeforeATornOne) {
    std::size_t count = 0;
    MessageSplitter splitter;
    const auto keep = [&](std::string_view, std::uint64_t) { ++count; };
    splitter.feed(kFirst + "\n" + kSecond.substr(0, 5), keep);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(error_of([&] { splitter.finish(keep); }),
              "ERROR:  stream ends at byte " + std::to_string(kFirst.size() + 6) +
                  " inside of the message that starts at byte " +
                  std::to_string(kFirst.size() + 1));
}

class MessageSplitterCut : public testing::TestWithParam<std::size_t> {};

TEST_P(MessageSplitterCut, IsReported) {
    EXPECT_THAT(error_of([] { split(begin().substr(0, GetParam())); }),
                HasSubstr("stream ends at byte " + std::to_string(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(AfterByte, MessageSplitterCut,
                         testing::Range(std::size_t{1}, begin().size()));

TEST(MessageSplitter, RejectsWhatIsNeitherRecordNorNewline) {
    EXPECT_EQ(error_of([] { split(kFirst + "x"); }),
              "ERROR:  neither a record nor a newline stands at byte " +
                  std::to_string(kFirst.size()) + " of the stream");
}

TEST(MessageSplitter, RejectsByteThatIsNoMessagePack) {
    EXPECT_EQ(error_of([] { split("\n\x92\x01\xc1\n"); }),
              "ERROR:  no MessagePack stands at byte 3 of the stream");
}

TEST(MessageSplitter, RejectsTextOfFourGigabytesByItsHead) {
    EXPECT_THAT(error_of([] { split(Bytes("\x91\xdb\xff\xff\xff\xff", 6)); }),
                HasSubstr("a message is too large"));
}

TEST(MessageSplitter, RejectsArrayOfFourBillionByItsHead) {
    EXPECT_THAT(error_of([] { split(Bytes("\xdd\xff\xff\xff\xff", 5)); }),
                HasSubstr("a message is too large"));
}

TEST(MessageSplitter, RejectsMessageBeyondItsLimit) {
    MessageSplitter splitter(30);
    const auto ignore = [](std::string_view, std::uint64_t) {};
    splitter.feed(Bytes(30, '\x90'), ignore);
    EXPECT_THAT(error_of([&] { splitter.feed("\x90", ignore); }),
                HasSubstr("a message is too large"));
}

TEST(MessageSplitter, WalksOverRecordsOfEveryKind) {
    const Bytes block = stream_start(10) + subtransaction(10) + origin("\n") + stream_stop();
    const Bytes end = stream_commit({.changes = 10}, 10);
    const Bytes packed = compressed(WALPACK_COMPRESSION_ZSTD, Bytes(300, '\n'));
    EXPECT_THAT(split(block + "\n" + end + "\n" + packed + "\n", 3),
                ElementsAre(Pair(block, 0), Pair(end, block.size() + 1),
                            Pair(packed, block.size() + end.size() + 2)));
}

}  // namespace
}  // namespace walpack
