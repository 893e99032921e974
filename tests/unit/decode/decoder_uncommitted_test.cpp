// Records of transactions that are sent before they are committed, and whose relations they mean.
// Suite Decoder, like its other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace wire;

std::vector<std::string> decode_behind_hello(const Bytes& records) {
    auto lines = decode_all({hello() + records});
    lines.erase(lines.begin());
    return lines;
}

std::string error_behind_hello(const Bytes& records) {
    return error_of([&] { decode_all({hello() + records}); });
}

const Bytes kRow = insert(1, {row({integer(1), str("a")})});
const RelationFields kOther = {.name = "other"};

TEST(Decoder, ReadsOrigin) {
    EXPECT_THAT(decode_behind_hello(origin("sales") + origin("")),
                ElementsAre("origin 'sales'", "origin ''"));
}

TEST(Decoder, ReadsRecordsOfAStreamedTransaction) {
    EXPECT_THAT(decode_behind_hello(stream_start(7) + subtransaction(8) + stream_stop() +
                                    stream_abort(7, 8) +
                                    stream_commit({.commit_lsn = 0x100, .changes = 9}, 7)),
                ElementsAre("stream start 7", "subtransaction 8", "stream stop", "stream abort 7 8",
                            "stream commit 7 0/100 0/130 848000000000000 9"));
}

TEST(Decoder, ReadsRecordsOfAPreparedTransaction) {
    EXPECT_THAT(
        decode_behind_hello(begin_prepare(0x100, 7) + prepare({.commit_lsn = 0x100, .changes = 2}) +
                            stream_prepare({.commit_lsn = 0x100, .changes = 3}, 8) +
                            commit_prepared(0x200, 7) + rollback_prepared(8)),
        ElementsAre("begin prepare 7 0/100 848000000000000 'g'", "prepare 0/100 0/130 2",
                    "stream prepare 8 0/100 0/130 848000000000000 'g' 3",
                    "commit prepared 7 'g' 0/200 0/230 848000000000000",
                    "rollback prepared 8 'g' 0/1030 848000000000000 0/2030 "
                    "848000000000000"));
}

TEST(Decoder, ReadsTheLeafOfAPartitionedTable) {
    EXPECT_THAT(decode_behind_hello(relation({.relkind = "p", .leaf = "public.t_1"})),
                ElementsAre("relation 1 version 1 public.t leaf public.t_1 (id int4 key, v text)"));
}

TEST(Decoder, RejectsALeafOfAnOrdinaryTable) {
    EXPECT_THAT(error_behind_hello(relation({.leaf = "public.t_1"})),
                HasSubstr("leaf partition of a table that is not partitioned"));
}

// --- whose relations ---

TEST(Decoder, GivesAStreamedTransactionRelationsOfItsOwn) {
    EXPECT_THAT(
        decode_behind_hello(relation() + stream_start(7) + relation(kOther) + kRow + stream_stop() +
                            kRow),
        ElementsAre(testing::_, "stream start 7", testing::_, "insert public.other new(1, 'a')",
                    "stream stop", "insert public.t new(1, 'a')"));
}

TEST(Decoder, KeepsTheRelationsOfAStreamedTransactionFromBlockToBlock) {
    EXPECT_THAT(decode_behind_hello(stream_start(7) + relation() + stream_stop() + stream_start(8) +
                                    relation(kOther) + stream_stop() + stream_start(7) + kRow),
                testing::Contains("insert public.t new(1, 'a')"));
}

TEST(Decoder, GivesTheTruncateOfABlockItsOwnRelations) {
    EXPECT_THAT(decode_behind_hello(relation() + stream_start(7) + relation(kOther) +
                                    truncate(0, {integer(1)})),
                testing::Contains("truncate public.other"));
}

TEST(Decoder, RejectsARowOfABlockWhoseRelationOnlyOthersDescribed) {
    EXPECT_THAT(error_behind_hello(relation() + stream_start(7) + kRow),
                HasSubstr("relation 1 was not described"));
}

TEST(Decoder, CountsVersionsPerStreamedTransaction) {
    const Bytes second = relation({.version = 2});
    EXPECT_EQ(error_behind_hello(relation() + second + stream_start(7) + relation() +
                                 stream_stop() + stream_start(7) + second),
              "no error");
    EXPECT_THAT(error_behind_hello(relation() + stream_start(7) + second),
                HasSubstr("relation 1 has version 2 instead of 1"));
}

TEST(Decoder, ForgetsTheRelationsOfACommittedStreamedTransaction) {
    EXPECT_THAT(error_behind_hello(stream_start(7) + relation() + stream_stop() +
                                   stream_commit({}, 7) + stream_start(7) + kRow),
                HasSubstr("relation 1 was not described"));
}

TEST(Decoder, ForgetsTheRelationsOfARolledBackStreamedTransaction) {
    EXPECT_THAT(error_behind_hello(stream_start(7) + relation() + stream_stop() +
                                   stream_abort(7, 7) + stream_start(7) + kRow),
                HasSubstr("relation 1 was not described"));
}

TEST(Decoder, KeepsTheRelationsWhenASubtransactionIsRolledBack) {
    EXPECT_EQ(error_behind_hello(stream_start(7) + subtransaction(8) + relation() + stream_stop() +
                                 stream_abort(7, 8) + stream_start(7) + kRow),
              "no error");
}

TEST(Decoder, GivesAPreparedTransactionRelationsOfItsOwn) {
    EXPECT_THAT(
        decode_behind_hello(relation() + begin_prepare() + relation(kOther) + kRow + prepare() +
                            kRow),
        testing::IsSupersetOf({"insert public.other new(1, 'a')", "insert public.t new(1, 'a')"}));
    EXPECT_THAT(
        error_behind_hello(begin_prepare() + relation() + prepare() + begin_prepare() + kRow),
        HasSubstr("relation 1 was not described"));
}

TEST(Decoder, RejectsTooManyStreamedTransactions) {
    const Bytes three = stream_start(1) + stream_stop() + stream_start(2) + stream_stop() +
                        stream_start(3) + stream_stop();
    EXPECT_THAT(error_of([&] { decode_all({hello() + three}, {.transactions_max = 2}); }),
                HasSubstr("too many transactions are in progress"));
    EXPECT_EQ(error_of([&] { decode_all({hello() + three}, {.transactions_max = 3}); }),
              "no error");
}

// --- where they must not stand ---

TEST(Decoder, RejectsACompressedMessageInsideOfAnother) {
    EXPECT_THAT(error_behind_hello(compressed(WALPACK_COMPRESSION_LZ4, begin())),
                HasSubstr("a compressed message stands inside of another"));
}

TEST(Decoder, RejectsBlocksInFragments) {
    for (const Bytes& record : {stream_start(), stream_stop(), stream_commit(), begin_prepare()})
        EXPECT_THAT(
            error_of([&] {
                decode_all(
                    {hello(), fragment(WALPACK_FRAGMENT_FIRST | WALPACK_FRAGMENT_LAST, record)});
            }),
            HasSubstr("record is of a type that is never in fragments"));
}

TEST(Decoder, ReadsAnOriginInFragments) {
    const auto pieces = fragments_of(origin(Bytes(300, 'o')), 100);
    std::vector<Bytes> messages = {hello()};
    messages.insert(messages.end(), pieces.begin(), pieces.end());
    EXPECT_THAT(decode_all(messages), testing::SizeIs(2));
}

TEST(Decoder, RejectsEndLsnThatIsThePrepareLsn) {
    EXPECT_THAT(error_behind_hello(prepare({.length = 0})),
                HasSubstr("end LSN is the prepare LSN"));
}

TEST(Decoder, RejectsRecordsOfAnotherLength) {
    for (const int type :
         {WALPACK_ORIGIN, WALPACK_STREAM_START, WALPACK_STREAM_STOP, WALPACK_SUBTRANSACTION,
          WALPACK_STREAM_ABORT, WALPACK_STREAM_COMMIT, WALPACK_BEGIN_PREPARE, WALPACK_PREPARE,
          WALPACK_STREAM_PREPARE, WALPACK_COMMIT_PREPARED, WALPACK_ROLLBACK_PREPARED}) {
        std::vector<Bytes> nine = {integer(type)};
        while (nine.size() < 9) nine.push_back(integer(1));
        EXPECT_THAT(error_behind_hello(array(nine)), HasSubstr("record has 9 elements instead"))
            << type;
    }
}

// --- a streamed transaction read again ---

std::string error_of_replay(const Bytes& message) {
    return error_of([&] {
        Decoder decoder({}, DecoderStart::streamed_transaction);
        decoder.decode(message, [](const Record&, std::size_t) {});
    });
}

TEST(Decoder, NeedsNoHelloForAStreamedTransactionReadAgain) {
    EXPECT_EQ(error_of_replay(stream_start() + relation() + kRow), "no error");
    EXPECT_EQ(error_of_replay(hello() + stream_start()), "no error");
    EXPECT_THAT(error_of_replay(stream_start() + hello()),
                HasSubstr("Hello stands inside of a session"));
}

}  // namespace
}  // namespace walpack
