#include "decode/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using namespace wire;

// The lines of the records behind a Hello and the relation t.
std::vector<std::string> decode_behind_relation(const Bytes& records,
                                                const RelationFields& table = {}) {
    auto lines = decode_all({hello() + relation(table) + records});
    lines.erase(lines.begin(), lines.begin() + 2);
    return lines;
}

RelationFields table_of(std::vector<ColumnFields> columns) {
    RelationFields table;
    table.columns = std::move(columns);
    return table;
}

TEST(Decoder, ReadsHello) {
    EXPECT_THAT(decode_all({hello()}),
                ElementsAre("hello 1 1.0.0 150020 7711787490164770451 shop UTF8 "
                            "{\"frame_bytes\": \"65536\", \"messages\": \"off\"}"));
}

TEST(Decoder, ReadsRelation) {
    EXPECT_THAT(decode_behind_relation(relation({.id = 2, .name = "Order"})),
                ElementsAre("relation 2 version 1 public.\"Order\" (id int4 key, v text)"));
}

TEST(Decoder, ReadsBegin) {
    EXPECT_THAT(decode_behind_relation(begin(0x1600000028, 4294967295)),
                ElementsAre("begin 4294967295 16/28 848000000000000"));
}

TEST(Decoder, ReadsCommitWithEndLsnFromDistance) {
    EXPECT_THAT(decode_behind_relation(commit({.commit_lsn = 0x100, .length = 0x30, .changes = 9})),
                ElementsAre("commit 0/100 0/130 9"));
}

TEST(Decoder, HandsOutEachRowOfARun) {
    EXPECT_THAT(
        decode_behind_relation(insert(1, {row({integer(1), str("a")}), row({integer(2), nil()})})),
        ElementsAre("insert public.t new(1, 'a')", "insert public.t new(2, null)"));
}

TEST(Decoder, ReadsUpdateWithoutOldTuple) {
    EXPECT_THAT(decode_behind_relation(rows(WALPACK_UPDATE, 1, {row({integer(1), str("b")})})),
                ElementsAre("update public.t new(1, 'b')"));
}

TEST(Decoder, ReadsUpdateWithOldKeyAsPairsOfTuples) {
    EXPECT_THAT(
        decode_behind_relation(rows(WALPACK_UPDATE_KEY, 1,
                                    {row({integer(1)}), row({integer(2), str("a")}),
                                     row({integer(3)}), row({integer(4), str("b")})})),
        ElementsAre("update public.t key(1) new(2, 'a')", "update public.t key(3) new(4, 'b')"));
}

TEST(Decoder, ReadsUpdateWithOldRow) {
    EXPECT_THAT(decode_behind_relation(rows(WALPACK_UPDATE_FULL, 1,
                                            {row({integer(1), nil()}), row({integer(1), str("")})}),
                                       with_full_identity({})),
                ElementsAre("update public.t old(1, null) new(1, '')"));
}

TEST(Decoder, ReadsDeleteByKey) {
    EXPECT_THAT(decode_behind_relation(
                    rows(WALPACK_DELETE_KEY, 1, {row({integer(1)}), row({integer(-2)})})),
                ElementsAre("delete public.t key(1)", "delete public.t key(-2)"));
}

TEST(Decoder, ReadsDeleteOfFullRow) {
    EXPECT_THAT(decode_behind_relation(rows(WALPACK_DELETE_FULL, 1, {row({integer(1), str("a")})}),
                                       with_full_identity({})),
                ElementsAre("delete public.t old(1, 'a')"));
}

TEST(Decoder, ReadsDeleteOfRelationWithoutIdentity) {
    EXPECT_THAT(decode_behind_relation(rows(WALPACK_DELETE_NONE, 1, {row({}), row({})}),
                                       without_identity({})),
                ElementsAre("delete public.t", "delete public.t"));
}

TEST(Decoder, ReadsUnchangedToastInNewTuple) {
    EXPECT_THAT(
        decode_behind_relation(rows(WALPACK_UPDATE, 1, {row({integer(1), unchanged_toast()})})),
        ElementsAre("update public.t new(1, unchanged)"));
}

TEST(Decoder, ReadsTruncateOfSeveralRelations) {
    EXPECT_THAT(decode_behind_relation(
                    relation({.id = 2, .name = "u"}) +
                    truncate(WALPACK_TRUNCATE_CASCADE | WALPACK_TRUNCATE_RESTART_IDENTITY,
                             {integer(2), integer(1)})),
                ElementsAre(testing::_, "truncate public.u public.t cascade restart identity"));
}

TEST(Decoder, ReadsLogicalMessages) {
    EXPECT_THAT(decode_behind_relation(message(WALPACK_MESSAGE_TRANSACTIONAL, "p", "c") +
                                       message(0, "", "")),
                ElementsAre("transactional message 0/ABC 'p' 'c'", "message 0/ABC '' ''"));
}

TEST(Decoder, ReadsNotice) {
    EXPECT_THAT(decode_behind_relation(notice("sales")), ElementsAre("notice 1 sales"));
}

TEST(Decoder, ReadsTextAsBinFromDatabaseOfAnotherEncoding) {
    EXPECT_THAT(decode_behind_relation(insert(1, {row({integer(1), bin("\xe4")})})),
                ElementsAre("insert public.t new(1, \\xe4)"));
}

TEST(Decoder, AcceptsIntegersOfEveryWidth) {
    const std::vector<Bytes> ones = {integer(1),
                                     "\xcc\x01",
                                     Bytes("\xcd\x00\x01", 3),
                                     Bytes("\xce\x00\x00\x00\x01", 5),
                                     Bytes("\xcf\x00\x00\x00\x00\x00\x00\x00\x01", 9),
                                     "\xd0\x01",
                                     Bytes("\xd1\x00\x01", 3),
                                     Bytes("\xd2\x00\x00\x00\x01", 5),
                                     Bytes("\xd3\x00\x00\x00\x00\x00\x00\x00\x01", 9)};
    std::vector<Bytes> keys;
    for (const Bytes& one : ones) keys.push_back(row({one}));
    EXPECT_THAT(
        decode_behind_relation(rows(WALPACK_DELETE_KEY, 1, keys)),
        testing::AllOf(testing::SizeIs(ones.size()), testing::Each("delete public.t key(1)")));
}

TEST(Decoder, KeepsLargestUnsignedIntegers) {
    const auto table = table_of({{.name = "x", .kind = WALPACK_KIND_UINT8}});
    EXPECT_THAT(decode_behind_relation(insert(1, {row({unsigned_integer(UINT64_MAX)}),
                                                  row({unsigned_integer(INT64_MAX)})}),
                                       table),
                ElementsAre("insert public.t new(18446744073709551615)",
                            "insert public.t new(9223372036854775807)"));
}

TEST(Decoder, ReadsFloatsOfBothWidths) {
    const auto table = table_of(
        {{.name = "f", .kind = WALPACK_KIND_FLOAT4}, {.name = "d", .kind = WALPACK_KIND_FLOAT8}});
    EXPECT_THAT(decode_behind_relation(insert(1, {row({float32(1.5F), float64(-0.1)})}), table),
                ElementsAre("insert public.t new(1.5, -0.1)"));
}

TEST(Decoder, ReadsBooleans) {
    const auto table = table_of({{.name = "b", .kind = WALPACK_KIND_BOOL}});
    EXPECT_THAT(
        decode_behind_relation(insert(1, {row({boolean(true)}), row({boolean(false)})}), table),
        ElementsAre("insert public.t new(true)", "insert public.t new(false)"));
}

TEST(Decoder, ReadsRowsOfRelationWithoutColumns) {
    EXPECT_THAT(decode_behind_relation(insert(1, {row({}), row({})}), table_of({})),
                ElementsAre("insert public.t new()", "insert public.t new()"));
}

TEST(Decoder, UsesTheDescriptionThatCameLast) {
    auto changed = table_of({{.name = "only", .kind = WALPACK_KIND_TEXT}});
    changed.version = 2;
    EXPECT_THAT(
        decode_behind_relation(insert(1, {row({integer(1), str("a")})}) + relation(changed) +
                               insert(1, {row({str("b")})})),
        ElementsAre("insert public.t new(1, 'a')", "relation 1 version 2 public.t (only text)",
                    "insert public.t new('b')"));
}

TEST(Decoder, KeepsRelationsAcrossMessages) {
    EXPECT_THAT(decode_all({hello() + relation(), insert(1, {row({integer(1), nil()})})}),
                ElementsAre(testing::_, testing::_, "insert public.t new(1, null)"));
}

TEST(Decoder, GivesTheOffsetOfEachRecord) {
    std::vector<std::size_t> offsets;
    Decoder decoder;
    decoder.decode(hello() + relation() + begin(),
                   [&](const Record&, std::size_t offset) { offsets.push_back(offset); });
    EXPECT_THAT(offsets, ElementsAre(0, hello().size(), hello().size() + relation().size()));
}

TEST(Decoder, HandsOutValuesThatPointIntoTheMessage) {
    const Bytes message = hello() + relation() + insert(1, {row({integer(1), str("a long text")})});
    const char* found = nullptr;
    Decoder decoder;
    decoder.decode(message, [&](const Record& record, std::size_t) {
        if (const auto* change = std::get_if<RowChange>(&record))
            found = change->new_tuple[1].bytes.data();
    });
    EXPECT_EQ(found, message.data() + message.find("a long text"));
}

}  // namespace
}  // namespace walpack
