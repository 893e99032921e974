#include "assemble/assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using namespace wire;

const Bytes kRow = insert(1, {row({integer(1), str("a")})});

// Feeds messages to an assembler; keeps what it hands on, and the error that ended it.
class Feed {
  public:
    explicit Feed(const std::vector<Bytes>& messages) : assembler_(log_) {
        error_ = error_of([&] {
            for (const Bytes& message : messages) assembler_.feed(message);
        });
    }

    const std::vector<std::string>& lines() const { return log_.lines(); }
    const std::string& error() const { return error_; }
    bool is_inside_transaction() const { return assembler_.is_inside_transaction(); }

  private:
    RecordLog log_;
    Assembler assembler_;
    std::string error_;
};

// Behind a Hello and the relation t.
std::vector<Bytes> behind_relation(const std::vector<Bytes>& messages) {
    std::vector<Bytes> all = {hello() + relation()};
    all.insert(all.end(), messages.begin(), messages.end());
    return all;
}

Feed feed_behind_relation(const std::vector<Bytes>& messages) {
    return Feed(behind_relation(messages));
}

// A transaction in one message.
Bytes transaction(const Bytes& changes, const CommitFields& commit) {
    return with_commit({begin(commit.commit_lsn) + changes}, commit)[0];
}

TEST(Assembler, HandsOnATransactionInOneMessage) {
    const Feed feed({with_commit({hello() + begin() + relation() + kRow}, {.changes = 1})[0]});
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), testing::ElementsAre(StartsWith("hello"), StartsWith("begin"),
                                                   StartsWith("relation"), StartsWith("insert"),
                                                   "commit 0/1000 0/1030 1"));
}

TEST(Assembler, HandsOnATransactionInSeveralMessages) {
    const auto feed =
        feed_behind_relation(with_commit({begin() + kRow, kRow, kRow + kRow}, {.changes = 4}));
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), Contains("commit 0/1000 0/1030 4"));
}

TEST(Assembler, HashesNoBytesForACommitAtTheStartOfAMessage) {
    const auto feed = feed_behind_relation(with_commit({begin() + kRow, ""}, {.changes = 1}));
    EXPECT_EQ(feed.error(), "no error");
}

TEST(Assembler, HashesFragmentsAsTheyWereSent) {
    std::vector<Bytes> messages = {begin()};
    for (const Bytes& piece : fragments_of(kRow, 5)) messages.push_back(piece);
    messages.push_back("");
    EXPECT_EQ(feed_behind_relation(with_commit(messages, {.changes = 1})).error(), "no error");
}

TEST(Assembler, HashesTheHelloOfATransactionsMessage) {
    EXPECT_EQ(Feed({with_commit({hello() + begin()}, {})[0]}).error(), "no error");
}

TEST(Assembler, HandsOnChangesBeforeTheCommitArrives) {
    const auto feed = feed_behind_relation({begin() + kRow});
    EXPECT_THAT(feed.lines(), Contains("insert public.t new(1, 'a')"));
    EXPECT_TRUE(feed.is_inside_transaction());
}

TEST(Assembler, IsOutsideOfTransactionsBehindACommit) {
    EXPECT_FALSE(feed_behind_relation({transaction(kRow, {.changes = 1})}).is_inside_transaction());
}

TEST(Assembler, CountsRowsTruncatesAndTransactionalMessages) {
    const Bytes two_rows = insert(1, {row({integer(1), nil()}), row({integer(2), nil()})});
    const Bytes update =
        rows(WALPACK_UPDATE_KEY, 1, {row({integer(1)}), row({integer(2), str("b")})});
    const auto feed = feed_behind_relation({transaction(
        two_rows + update + truncate(0, {integer(1)}) + message(1, "p", "c"), {.changes = 5})});
    EXPECT_EQ(feed.error(), "no error");
}

TEST(Assembler, CountsNeitherRelationsNorNotices) {
    const auto feed = feed_behind_relation(
        {transaction(relation({.id = 2}) + notice("p") + kRow, {.changes = 1})});
    EXPECT_EQ(feed.error(), "no error");
}

TEST(Assembler, AcceptsLogicalMessageBetweenTransactions) {
    const auto feed = feed_behind_relation({message(0, "p", "c")});
    EXPECT_THAT(feed.lines(), Contains("message 0/ABC 'p' 'c'"));
}

TEST(Assembler, AcceptsLogicalMessageBehindHello) {
    EXPECT_EQ(Feed({hello() + message(0, "p", "c")}).error(), "no error");
}

TEST(Assembler, AcceptsCommitLsnThatIsTheEndLsnBefore) {
    const auto feed = feed_behind_relation({transaction("", {.commit_lsn = 0x100, .length = 0x10}),
                                            transaction("", {.commit_lsn = 0x110})});
    EXPECT_EQ(feed.error(), "no error");
}

// --- breaches: the commit is never handed on ---

void expect_breach(const Feed& feed, const std::string& what) {
    EXPECT_THAT(feed.error(), HasSubstr(what));
    EXPECT_THAT(feed.lines(), Not(Contains(StartsWith("commit"))));
}

TEST(Assembler, RejectsAMissingMessage) {
    auto messages = with_commit({begin() + kRow, kRow, kRow}, {.changes = 3});
    messages.erase(messages.begin() + 1);
    expect_breach(feed_behind_relation(messages), "DETAIL:  It has 3 changes, of which 2 arrived.");
}

TEST(Assembler, RejectsARepeatedMessage) {
    auto messages = with_commit({begin() + kRow, kRow, kRow}, {.changes = 3});
    messages.insert(messages.begin() + 1, kRow);
    expect_breach(feed_behind_relation(messages), "DETAIL:  It has 3 changes, of which 4 arrived.");
}

TEST(Assembler, RejectsMessagesInAnotherOrder) {
    auto messages =
        with_commit({begin(), kRow, insert(1, {row({integer(2), nil()})}), ""}, {.changes = 2});
    std::swap(messages[1], messages[2]);
    expect_breach(feed_behind_relation(messages), "DETAIL:  Its digest is ");
}

TEST(Assembler, RejectsADamagedValue) {
    Bytes message = transaction(kRow, {.changes = 1});
    message[message.find("\xa1"
                         "a") +
            1] = 'b';
    expect_breach(feed_behind_relation({message}), "the transaction did not arrive as it was sent");
}

TEST(Assembler, RejectsADamagedDigest) {
    CommitFields wrong{.changes = 1};
    wrong.digest = static_cast<std::uint32_t>(digest_of(begin() + kRow, 0)) ^ 1;
    expect_breach(feed_behind_relation({begin() + kRow + commit(wrong)}), "digest");
}

TEST(Assembler, SaysAtWhichLsnTheBreachIs) {
    const auto feed = feed_behind_relation({begin(0x16'0000'0028) + commit({.commit_lsn = 1})});
    expect_breach(feed, "(LSN 16/28)");
}

TEST(Assembler, RejectsBeginInsideOfATransaction) {
    expect_breach(feed_behind_relation({begin() + kRow, begin(0x2000)}),
                  "a transaction begins inside of another one");
}

TEST(Assembler, RejectsCommitWithoutTransaction) {
    expect_breach(feed_behind_relation({commit()}), "a commit has no transaction before it");
}

TEST(Assembler, RejectsCommitOfAnotherTransaction) {
    expect_breach(feed_behind_relation({begin(0x1000) + commit({.commit_lsn = 0x2000})}),
                  "the transaction's commit LSN is 0/2000 at its end");
}

TEST(Assembler, RejectsRowOutsideOfATransaction) {
    expect_breach(feed_behind_relation({kRow}), "a change stands outside of a transaction");
}

TEST(Assembler, RejectsTruncateOutsideOfATransaction) {
    expect_breach(feed_behind_relation({truncate(0, {integer(1)})}),
                  "a change stands outside of a transaction");
}

TEST(Assembler, RejectsTransactionalMessageOutsideOfATransaction) {
    expect_breach(feed_behind_relation({message(1, "p", "c")}),
                  "a change stands outside of a transaction");
}

TEST(Assembler, RejectsOtherMessageInsideOfATransaction) {
    expect_breach(feed_behind_relation({begin() + message(0, "p", "c")}),
                  "a message outside of transactions stands inside of one");
}

TEST(Assembler, RejectsOtherMessageThatIsNotAlone) {
    expect_breach(feed_behind_relation({relation({.id = 2}) + message(0, "p", "c")}),
                  "a message outside of transactions is not alone");
}

TEST(Assembler, RejectsRecordBehindOtherMessage) {
    expect_breach(feed_behind_relation({message(0, "p", "c") + begin()}),
                  "a record follows the last one of its message");
}

TEST(Assembler, RejectsTwoTransactionsInOneMessage) {
    const auto feed = feed_behind_relation(
        {transaction(kRow, {.changes = 1}) + transaction("", {.commit_lsn = 0x2000})});
    EXPECT_THAT(feed.error(), HasSubstr("a record follows the last one of its message"));
}

TEST(Assembler, RejectsCommitLsnBeforeTheEndLsnBefore) {
    const auto feed = feed_behind_relation({transaction("", {.commit_lsn = 0x100, .length = 0x10}),
                                            transaction("", {.commit_lsn = 0x10f})});
    EXPECT_THAT(feed.error(), HasSubstr("commit LSN 0/10F comes after end LSN 0/110"));
}

TEST(Assembler, RejectsTheSameTransactionTwice) {
    const Bytes message = transaction("", {});
    EXPECT_THAT(feed_behind_relation({message, message}).error(),
                HasSubstr("commit LSN 0/1000 comes after end LSN 0/1030"));
}

TEST(Assembler, HandsOnNothingOfAMessageThatIsNoMessagePack) {
    const Feed feed({"\xc1"});
    EXPECT_THAT(feed.error(), HasSubstr("byte is no MessagePack"));
    EXPECT_THAT(feed.lines(), IsEmpty());
}

}  // namespace
}  // namespace walpack
