// Streamed and prepared transactions. Suite Assembler, like its other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assemble/assembler.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace wire;

Bytes insert_of(int id) {
    return insert(1, {row({integer(id), nil()})});
}

std::string line_of(int id) {
    return "insert public.t new(" + std::to_string(id) + ", null)";
}

// Feeds messages behind a Hello; keeps what is handed on, and the error that ended it.
class Feed {
  public:
    Feed() : assembler_(log_) { assembler_.feed(hello() + notice("first")); }
    explicit Feed(const std::vector<Bytes>& messages) : Feed() { add(messages); }

    void add(const std::vector<Bytes>& messages) {
        error_ = error_of([&] {
            for (const Bytes& message : messages) assembler_.feed(message);
        });
    }
    // Without the Hello, the notice behind it, and descriptions of relations.
    std::vector<std::string> lines() const {
        std::vector<std::string> lines(log_.lines().begin() + 2, log_.lines().end());
        std::erase_if(lines, [](const auto& line) { return line.starts_with("relation"); });
        return lines;
    }
    const std::string& error() const { return error_; }
    const Assembler& assembler() const { return assembler_; }

  private:
    RecordLog log_;
    Assembler assembler_;
    std::string error_ = "no error";
};

// A transaction in two blocks, whose subtransaction 8 is in both.
std::vector<Bytes> two_blocks() {
    return {stream_start() + relation() + insert_of(1) + subtransaction(8) + insert_of(2) +
                stream_stop(),
            stream_start() + insert_of(3) + subtransaction(8) + insert_of(4), insert_of(5),
            subtransaction(7) + insert_of(6) + stream_stop()};
}

const std::string kBegin = "begin 7 0/1000 848000000000000";

TEST(Assembler, HoldsAStreamedTransactionUntilItsCommit) {
    const Feed feed(two_blocks());
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), testing::IsEmpty());
    EXPECT_EQ(feed.assembler().held_transactions(), 1U);
}

TEST(Assembler, HandsOnACommittedStreamedTransactionAsAnOrdinaryOne) {
    const Feed feed(with_stream_commit(two_blocks(), {.changes = 6}));
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), ElementsAre(kBegin, line_of(1), line_of(2), line_of(3), line_of(4),
                                          line_of(5), line_of(6), "commit 0/1000 0/1030 6"));
    EXPECT_EQ(feed.assembler().held_transactions(), 0U);
}

TEST(Assembler, LeavesOutChangesOfARolledBackSubtransaction) {
    auto messages = with_stream_commit(two_blocks(), {.changes = 6});
    messages.insert(messages.end() - 1, stream_abort(7, 8));
    const Feed feed(messages);
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(),
                ElementsAre(kBegin, line_of(1), line_of(3), line_of(6), "commit 0/1000 0/1030 6"));
}

TEST(Assembler, LeavesOutATruncateAndAMessageThatWereRolledBack) {
    auto messages =
        with_stream_commit({stream_start() + relation() + subtransaction(8) +
                            truncate(0, {integer(1)}) + message(1, "p", "c") + stream_stop()},
                           {.changes = 2});
    messages.insert(messages.end() - 1, stream_abort(7, 8));
    EXPECT_THAT(Feed(messages).lines(), ElementsAre(kBegin, "commit 0/1000 0/1030 2"));
}

TEST(Assembler, DropsAStreamedTransactionThatWasRolledBack) {
    auto messages = two_blocks();
    messages.push_back(stream_abort(7, 7));
    const Feed feed(messages);
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), testing::IsEmpty());
    EXPECT_EQ(feed.assembler().held_transactions(), 0U);
    EXPECT_EQ(feed.assembler().held_bytes(), 0U);
}

TEST(Assembler, AcceptsTheRollbackOfATransactionThatItNeverSaw) {
    const Feed feed({stream_abort(9, 9), stream_abort(9, 10)});
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_EQ(feed.assembler().held_transactions(), 0U);
}

TEST(Assembler, TakesOtherTransactionsBetweenBlocks) {
    const auto blocks = two_blocks();
    const auto ordinary = with_commit({begin(0x500) + relation() + insert_of(10)},
                                      {.commit_lsn = 0x500, .changes = 1});
    auto messages = with_stream_commit(blocks, {.changes = 6});
    messages.insert(messages.begin() + 1, ordinary[0]);
    const Feed feed(messages);
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), Contains(line_of(10)));
    EXPECT_EQ(feed.lines()[3], kBegin);
}

TEST(Assembler, KeepsInterleavedStreamedTransactionsApart) {
    const std::vector<Bytes> first = {stream_start(7) + relation() + insert_of(1) + stream_stop(),
                                      stream_start(7) + insert_of(2) + stream_stop()};
    const std::vector<Bytes> second = {stream_start(9) + relation() + insert_of(3) + stream_stop(),
                                       stream_start(9) + insert_of(4) + stream_stop()};
    const Bytes first_end = with_stream_commit(first, {.changes = 2}, 7).back();
    const Bytes second_end =
        with_stream_commit(second, {.commit_lsn = 0x900, .changes = 2}, 9).back();
    const Feed feed({first[0], second[0], second[1], first[1], second_end, first_end});
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), ElementsAre(StartsWith("begin 9"), line_of(3), line_of(4),
                                          StartsWith("commit 0/900"), StartsWith("begin 7"),
                                          line_of(1), line_of(2), StartsWith("commit 0/1000")));
}

TEST(Assembler, ReadsALargeStreamedTransactionFromDisk) {
    std::vector<Bytes> blocks = {stream_start() + relation() + stream_stop()};
    const Bytes text = str(Bytes(1000, 'x'));
    for (int i = 0; i < 2000; ++i)
        blocks.push_back(stream_start() + insert(1, {row({integer(i), text})}) + stream_stop());
    const Feed feed(with_stream_commit(blocks, {.changes = 2000}));
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), testing::SizeIs(2002));
}

TEST(Assembler, ReadsCompressedBlocks) {
    auto messages = with_stream_commit(two_blocks(), {.changes = 6});
    for (Bytes& each : messages) each = compressed(WALPACK_COMPRESSION_ZSTD, each);
    const Feed feed(messages);
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), testing::SizeIs(8));
}

TEST(Assembler, ReadsBlocksWithFragments) {
    std::vector<Bytes> messages = {stream_start() + relation()};
    for (const Bytes& piece : fragments_of(insert_of(1), 3)) messages.push_back(piece);
    messages.push_back(stream_stop());
    EXPECT_THAT(Feed(with_stream_commit(messages, {.changes = 1})).lines(),
                ElementsAre(kBegin, line_of(1), "commit 0/1000 0/1030 1"));
}

// The first message of a session is one with a Hello, of a block as of any transaction.
TEST(Assembler, HashesTheHelloOfABlock) {
    RecordLog log;
    Assembler assembler(log);
    const auto messages = with_stream_commit(
        {hello() + stream_start() + relation() + insert_of(1) + stream_stop()}, {.changes = 1});
    for (const Bytes& message : messages) assembler.feed(message);
    EXPECT_THAT(log.lines(), ElementsAre(StartsWith("hello"), kBegin, StartsWith("relation"),
                                         line_of(1), StartsWith("commit")));
}

TEST(Assembler, AcceptsACommitOfNothing) {
    const Feed feed({stream_commit()});
    EXPECT_EQ(feed.error(), "no error");
    EXPECT_THAT(feed.lines(), ElementsAre(kBegin, "commit 0/1000 0/1030 0"));
}

TEST(Assembler, EndsAnOriginWithItsBlock) {
    const auto messages = with_stream_commit(
        {stream_start() + origin("far") + stream_stop(), stream_start() + stream_stop()}, {});
    EXPECT_THAT(Feed(messages).lines(),
                ElementsAre(kBegin, "origin 'far'", "origin ''", StartsWith("commit")));
}

TEST(Assembler, TellsANoticeOfABlockAtOnceAndOnlyOnce) {
    auto messages = with_stream_commit({stream_start() + notice("gone") + stream_stop()}, {});
    EXPECT_THAT(Feed({messages[0]}).lines(), ElementsAre("notice 1 gone"));
    EXPECT_THAT(Feed(messages).lines(), ElementsAre("notice 1 gone", kBegin, StartsWith("commit")));
}

// --- where it stands ---

TEST(Assembler, IsInsideOfABlockUntilItsEnd) {
    Feed feed({stream_start() + relation() + insert_of(1)});
    EXPECT_TRUE(feed.assembler().is_inside_block());
    EXPECT_FALSE(feed.assembler().is_inside_transaction());
    feed.add({stream_stop()});
    EXPECT_FALSE(feed.assembler().is_inside_block());
    EXPECT_FALSE(feed.assembler().is_inside_transaction());
}

// --- breaches: no commit is handed on ---

void expect_breach(const std::vector<Bytes>& messages, const std::string& what) {
    const Feed feed(messages);
    EXPECT_THAT(feed.error(), HasSubstr(what));
    EXPECT_THAT(feed.lines(), Not(Contains(StartsWith("commit"))));
}

TEST(Assembler, RejectsAStreamedTransactionWithAMissingMessage) {
    auto messages = with_stream_commit(two_blocks(), {.changes = 6});
    messages.erase(messages.begin() + 2);
    expect_breach(messages, "It has 6 changes, of which 5 arrived.");
}

TEST(Assembler, RejectsAStreamedTransactionWithBlocksInAnotherOrder) {
    std::vector<Bytes> blocks = {stream_start() + relation() + stream_stop(),
                                 stream_start() + insert_of(1) + stream_stop(),
                                 stream_start() + insert_of(2) + stream_stop()};
    auto messages = with_stream_commit(blocks, {.changes = 2});
    std::swap(messages[1], messages[2]);
    expect_breach(messages, "Its digest is ");
}

TEST(Assembler, RejectsAStreamedTransactionBeforeItBegins) {
    auto messages = with_stream_commit(two_blocks(), {.changes = 7});
    EXPECT_THAT(Feed(messages).lines(), testing::IsEmpty());
    EXPECT_THAT(Feed(messages).error(), HasSubstr("(LSN 0/1000)"));
}

TEST(Assembler, RejectsACommitWhoseBlocksWereLost) {
    expect_breach({stream_commit({.changes = 1})}, "It has 1 changes, of which 0 arrived.");
}

TEST(Assembler, RejectsACommitAfterTheRollback) {
    auto messages = with_stream_commit(two_blocks(), {.changes = 6});
    messages.insert(messages.end() - 1, stream_abort(7, 7));
    expect_breach(messages, "of which 0 arrived");
}

TEST(Assembler, RejectsATransactionInsideOfABlock) {
    expect_breach({stream_start(), begin()}, "a transaction begins inside of another one");
}

TEST(Assembler, RejectsABlockInsideOfATransaction) {
    expect_breach({begin(), stream_start()},
                  "a block of a streamed transaction begins inside of another one");
}

TEST(Assembler, RejectsABlockInsideOfABlock) {
    expect_breach({stream_start(7), stream_start(8)},
                  "a block of a streamed transaction begins inside of another one");
}

TEST(Assembler, RejectsABlockBehindAnotherRecordOfItsMessage) {
    expect_breach({relation() + stream_start()}, "a block does not begin at the start");
}

TEST(Assembler, RejectsTheEndOfABlockWithoutItsStart) {
    expect_breach({stream_stop()}, "a block ends that has no start");
    expect_breach({begin() + stream_stop()}, "a block ends that has no start");
}

TEST(Assembler, RejectsARecordBehindABlock) {
    expect_breach({stream_start() + stream_stop() + begin()},
                  "a record follows the last one of its message");
}

TEST(Assembler, RejectsAnEndInsideOfABlock) {
    expect_breach({stream_start(), stream_commit()}, "is committed inside of another one");
    expect_breach({stream_start(), stream_abort(7, 7)}, "is rolled back inside of another one");
    expect_breach({stream_start() + commit()}, "a commit has no transaction before it");
}

TEST(Assembler, RejectsAnEndThatIsNotAlone) {
    expect_breach({relation() + stream_commit()},
                  "the commit of a streamed transaction is not alone");
    expect_breach({stream_abort(7, 7) + begin()}, "a record follows the last one of its message");
}

TEST(Assembler, RejectsASubtransactionOutsideOfABlock) {
    expect_breach({begin() + subtransaction(8)}, "a subtransaction stands outside of a block");
}

TEST(Assembler, RejectsAnOriginOutsideOfATransaction) {
    expect_breach({origin("far")}, "an origin stands outside of a transaction");
}

TEST(Assembler, RejectsAMessageOutsideOfTransactionsInsideOfABlock) {
    expect_breach({stream_start() + message(0, "p", "c")},
                  "a message outside of transactions stands inside of one");
}

TEST(Assembler, RejectsAStreamedCommitBeforeTheEndLsnBefore) {
    const auto ordinary = with_commit({begin(0x2000)}, {.commit_lsn = 0x2000});
    const Feed feed({ordinary[0], stream_commit()});
    EXPECT_THAT(feed.error(), HasSubstr("commit LSN 0/1000 comes after end LSN 0/2030"));
}

TEST(Assembler, RefusesPreparedTransactions) {
    const std::string what = "the source sends a prepared transaction, which was not asked for";
    expect_breach({begin_prepare()}, what);
    expect_breach({stream_prepare()}, what);
    expect_breach({commit_prepared()}, what);
    expect_breach({rollback_prepared()}, what);
}

}  // namespace
}  // namespace walpack
