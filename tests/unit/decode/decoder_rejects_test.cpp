// What a Decoder refuses, and at which byte it says so. Suite Decoder, like its other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace wire;

std::string error_of_messages(const std::vector<Bytes>& messages) {
    return error_of([&] { decode_all(messages); });
}

// With the offset counted from the record: what comes before is a Hello and the relation.
std::string error_of_record(const Bytes& record, const RelationFields& table = {}) {
    const Bytes before = hello() + relation(table);
    EXPECT_EQ(error_of_messages({before}), "no error");
    return error_of([&] {
        Decoder decoder;
        decoder.decode(before, [](const Record&, std::size_t) {});
        decoder.decode(record, [](const Record&, std::size_t) {});
    });
}

std::string error_of_column(const ColumnFields& fields) {
    RelationFields table{.id = 2};
    table.columns = {fields};
    return error_of_record(relation(table));
}

std::string at(const std::string& what, std::size_t byte) {
    return "ERROR:  " + what + " at byte " + std::to_string(byte) + " of a message";
}

// --- messages and records ---

TEST(Decoder, RejectsEmptyMessage) {
    EXPECT_EQ(error_of_messages({""}), "ERROR:  message is empty");
}

TEST(Decoder, RejectsSessionThatDoesNotStartWithHello) {
    EXPECT_EQ(error_of_messages({begin()}), at("session does not start with Hello", 1));
}

TEST(Decoder, RejectsSecondHello) {
    EXPECT_EQ(error_of_record(hello()), at("Hello stands inside of a session", 1));
}

TEST(Decoder, RejectsNewerProtocolAndTellsToUpgradeTheProgram) {
    EXPECT_EQ(error_of_messages({hello_of_version(2)}),
              "ERROR:  the source's plugin speaks protocol version 2, this program 1\n"
              "HINT:  Upgrade this program.");
}

TEST(Decoder, RejectsOlderProtocolAndTellsToUpgradeThePlugin) {
    EXPECT_THAT(error_of_messages({hello_of_version(0)}),
                HasSubstr("Upgrade the plugin at the source."));
}

TEST(Decoder, RejectsNewerProtocolBeforeItsUnknownFields) {
    EXPECT_THAT(error_of_messages({array({integer(WALPACK_HELLO), integer(2), array({nil()})})}),
                HasSubstr("protocol version 2"));
}

TEST(Decoder, RejectsRecordThatIsNoArray) {
    EXPECT_EQ(error_of_record(begin() + integer(10)),
              at("record is an integer instead of an array", begin().size()));
}

TEST(Decoder, RejectsRecordThatIsAMap) {
    EXPECT_EQ(error_of_record(map({integer(1), nil()})),
              at("record is a map instead of an array", 0));
}

TEST(Decoder, RejectsEmptyRecord) {
    EXPECT_EQ(error_of_record(array({})), at("record is empty", 0));
}

TEST(Decoder, RejectsUnknownRecordType) {
    EXPECT_EQ(error_of_record(array({integer(28)})), at("record type is unknown", 1));
}

TEST(Decoder, RejectsRecordTypeZero) {
    EXPECT_EQ(error_of_record(array({integer(0)})), at("record type is unknown", 1));
}

TEST(Decoder, RejectsNegativeRecordType) {
    EXPECT_EQ(error_of_record(array({integer(-1)})), at("record type is unknown", 1));
}

TEST(Decoder, RejectsRecordTypeThatIsText) {
    EXPECT_EQ(error_of_record(array({str("begin")})), at("record type is unknown", 1));
}

TEST(Decoder, RejectsRecordTypeThatIsAnArray) {
    EXPECT_EQ(error_of_record(array({array({integer(3)})})), at("record type is unknown", 1));
}

TEST(Decoder, RejectsByteThatIsNoMessagePack) {
    EXPECT_EQ(error_of_record("\x92\x03\xc1"), at("byte is no MessagePack", 2));
}

TEST(Decoder, RejectsRecordWithTooFewElements) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_BEGIN), integer(7)})),
              at("record has 2 elements instead of 4", 0));
}

TEST(Decoder, RejectsRecordWithTooManyElements) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_NOTICE), integer(1), str("p"), nil()})),
              at("record has 4 elements instead of 3", 0));
}

TEST(Decoder, RejectsNewlineBetweenRecords) {
    EXPECT_THAT(error_of_record(begin() + "\n" + begin()),
                HasSubstr("record is an integer instead of an array"));
}

// --- fields ---

TEST(Decoder, RejectsTransactionIdBeyondItsRange) {
    const Bytes head = "\x94\x03";
    EXPECT_EQ(error_of_record(head + integer(std::int64_t{1} << 32) + integer(1) + integer(1)),
              at("transaction id is out of range", 2));
}

TEST(Decoder, RejectsFieldOfAnotherType) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_BEGIN), str("7"), integer(1), integer(1)})),
              at("transaction id is a str", 2));
}

TEST(Decoder, RejectsCommitLsnZero) {
    EXPECT_EQ(error_of_record(begin(0, 7)), at("commit LSN is 0", 3));
}

TEST(Decoder, RejectsEndLsnThatIsTheCommitLsn) {
    EXPECT_THAT(error_of_record(commit({.commit_lsn = 1, .length = 0})),
                StartsWith(at("end LSN is the commit LSN", 3)));
}

TEST(Decoder, RejectsEndLsnBeyondTheLastLsn) {
    EXPECT_THAT(error_of_record(commit({.commit_lsn = UINT64_MAX - 1, .length = 2})),
                HasSubstr("distance of the end LSN is out of range"));
}

TEST(Decoder, RejectsUnknownTruncateFlag) {
    EXPECT_EQ(error_of_record(truncate(4, {integer(1)})),
              at("truncate flags have unknown bits", 2));
}

TEST(Decoder, RejectsTruncateOfNothing) {
    EXPECT_EQ(error_of_record(truncate(0, {})), at("truncate names no relation", 3));
}

TEST(Decoder, RejectsTruncateOfUnknownRelation) {
    EXPECT_EQ(error_of_record(truncate(0, {integer(1), integer(9)})),
              at("relation 9 was not described", 5));
}

TEST(Decoder, RejectsUnknownMessageFlag) {
    EXPECT_EQ(error_of_record(message(2, "p", "c")), at("message flags have unknown bits", 2));
}

TEST(Decoder, RejectsUnknownNoticeCode) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_NOTICE), integer(2), str("p")})),
              at("notice code 2 is unknown", 2));
}

TEST(Decoder, RejectsOptionThatStandsTwice) {
    const Bytes twice =
        array({integer(WALPACK_HELLO), integer(1), str("1.0.0"), integer(150020), integer(1),
               str("shop"), str("UTF8"), map({str("a"), str("1"), str("a"), str("2")})});
    EXPECT_THAT(error_of_messages({twice}), HasSubstr("option \"a\" stands twice"));
}

// --- relations ---

TEST(Decoder, RejectsUnknownValueKind) {
    EXPECT_THAT(error_of_column({.name = "a", .kind = 28}), HasSubstr("value kind 28 is unknown"));
}

TEST(Decoder, RejectsValueKindZero) {
    EXPECT_THAT(error_of_column({.name = "a", .kind = 0}), HasSubstr("value kind 0 is unknown"));
}

TEST(Decoder, RejectsUnknownColumnFlag) {
    EXPECT_THAT(error_of_column({.name = "a", .flags = 32}),
                HasSubstr("column flags have unknown bits"));
}

TEST(Decoder, RejectsArrayWithoutElementKind) {
    EXPECT_THAT(error_of_column({.name = "a", .kind = WALPACK_KIND_ARRAY}),
                HasSubstr("column of kind array has no element kind"));
}

TEST(Decoder, RejectsArrayOfElementsWithoutSendForm) {
    EXPECT_THAT(error_of_column(
                    {.name = "a", .kind = WALPACK_KIND_ARRAY, .element_kind = WALPACK_KIND_OUTPUT}),
                HasSubstr("column of kind array has no element kind"));
}

TEST(Decoder, RejectsEmptyColumnName) {
    EXPECT_THAT(error_of_column({.name = ""}), HasSubstr("column name is empty"));
}

TEST(Decoder, RejectsNameWithZeroByte) {
    EXPECT_THAT(error_of_column({.name = std::string("a\0b", 3)}),
                HasSubstr("column name holds a zero byte"));
}

TEST(Decoder, RejectsTwoColumnsOfOneName) {
    RelationFields table{.id = 2};
    table.columns = {{.name = "a"}, {.name = "a"}};
    EXPECT_THAT(error_of_record(relation(table)), HasSubstr("relation has two columns \"a\""));
}

TEST(Decoder, RejectsMoreColumnsThanATableHas) {
    RelationFields table{.id = 2};
    table.columns.clear();
    for (int i = 0; i < 1665; ++i) table.columns.push_back({.name = 'c' + std::to_string(i)});
    EXPECT_THAT(error_of_record(relation(table)), HasSubstr("relation has 1665 columns"));
}

TEST(Decoder, RejectsKeyColumnOfRelationWithoutIdentity) {
    EXPECT_THAT(error_of_record(relation({.id = 2, .replica_identity = "n"})),
                HasSubstr("relation without replica identity has key columns"));
}

TEST(Decoder, RejectsColumnOutsideOfFullIdentity) {
    EXPECT_THAT(error_of_record(relation({.id = 2, .replica_identity = "f"})),
                HasSubstr("relation with full replica identity has columns outside of it"));
}

TEST(Decoder, RejectsUnknownReplicaIdentity) {
    EXPECT_THAT(error_of_record(relation({.id = 2, .replica_identity = "x"})),
                HasSubstr("replica identity is not known"));
}

TEST(Decoder, RejectsRelationThatIsNotDescribedFromVersionOne) {
    EXPECT_THAT(error_of_record(relation({.id = 2, .version = 2})),
                HasSubstr("relation 2 has version 2 instead of 1"));
}

TEST(Decoder, RejectsRelationVersionThatStandsTwice) {
    EXPECT_EQ(error_of_record(relation()), at("relation 1 has version 1 instead of 2", 3));
}

TEST(Decoder, RejectsRelationVersionThatSkipsOne) {
    EXPECT_EQ(error_of_record(relation({.version = 3})),
              at("relation 1 has version 3 instead of 2", 3));
}

TEST(Decoder, RejectsALeafThatIsNoText) {
    Bytes record = relation({.id = 2});
    record[record.find(str("d") + nil()) + 2] = 5;
    EXPECT_THAT(error_of_record(record), HasSubstr("leaf partition is an integer"));
}

// --- rows ---

TEST(Decoder, RejectsRowsOfUnknownRelation) {
    EXPECT_EQ(error_of_record(insert(2, {row({integer(1), nil()})})),
              at("relation 2 was not described", 2));
}

TEST(Decoder, RejectsRelationIdThatIsText) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_INSERT), str("t"), row({})})),
              at("relation id is no number in range", 2));
}

TEST(Decoder, RejectsRunWithoutRows) {
    EXPECT_EQ(error_of_record(insert(1, {})), at("record of rows has 0 tuples", 0));
}

TEST(Decoder, RejectsRowRecordWithoutRelation) {
    EXPECT_EQ(error_of_record(array({integer(WALPACK_INSERT)})),
              at("record has 1 elements instead of 3", 0));
}

TEST(Decoder, RejectsKeyWithoutNewTuple) {
    EXPECT_EQ(
        error_of_record(rows(WALPACK_UPDATE_KEY, 1,
                             {row({integer(1)}), row({integer(2), nil()}), row({integer(1)})})),
        at("record of rows has 3 tuples", 0));
}

TEST(Decoder, RejectsRowThatIsNoArray) {
    EXPECT_EQ(error_of_record(insert(1, {integer(1)})),
              at("row is an integer instead of an array", 3));
}

TEST(Decoder, RejectsRowThatIsAMap) {
    EXPECT_EQ(error_of_record(insert(1, {map({integer(1), nil()})})),
              at("row is a map instead of an array", 3));
}

TEST(Decoder, RejectsTupleWithTooFewValues) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), nil()}), row({integer(2)})})),
              at("tuple has 1 values instead of 2", 6));
}

TEST(Decoder, RejectsTupleWithTooManyValues) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), nil(), nil()})})),
              at("tuple has 3 values instead of 2", 3));
}

TEST(Decoder, RejectsKeyTupleWithAllValues) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_KEY, 1, {row({integer(1), nil()})})),
              at("tuple has 2 values instead of 1", 3));
}

TEST(Decoder, RejectsValuesWhereNoneIdentifyTheRow) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_NONE, 1, {row({integer(1)})})),
              at("tuple has 1 values instead of 0", 3));
}

TEST(Decoder, RejectsUnchangedToastInKeyTuple) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_KEY, 1, {row({unchanged_toast()})})),
              at("old value of column \"id\" is unchanged TOAST", 4));
}

TEST(Decoder, RejectsUnchangedToastInOldTuple) {
    EXPECT_EQ(error_of_record(rows(WALPACK_UPDATE_FULL, 1,
                                   {row({integer(1), unchanged_toast()}),
                                    row({integer(1), unchanged_toast()})}),
                              with_full_identity({})),
              at("old value of column \"v\" is unchanged TOAST", 5));
}

TEST(Decoder, RejectsUnknownExtension) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), extension(2, Bytes(1, '\0'))})})),
              at("extension is unknown", 5));
}

TEST(Decoder, RejectsToastMarkerOfAnotherLength) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), extension(1, Bytes(2, '\0'))})})),
              at("extension is unknown", 5));
}

TEST(Decoder, RejectsToastMarkerWithAnotherByte) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), extension(1, "\x01")})})),
              at("extension is unknown", 5));
}

TEST(Decoder, RejectsArrayAsValue) {
    EXPECT_EQ(error_of_record(insert(1, {row({integer(1), array({})})})),
              at("value of column \"v\" of kind text is an array", 5));
}

TEST(Decoder, RejectsMapAsValue) {
    EXPECT_EQ(error_of_record(insert(1, {row({map({}), nil()})})),
              at("value of column \"id\" of kind int4 is a map", 4));
}

TEST(Decoder, RejectsOldRowOfRelationWithoutFullIdentity) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_FULL, 1, {row({integer(1), nil()})})),
              at("relation's replica identity is not full", 2));
}

TEST(Decoder, RejectsKeyOfRelationWithoutOne) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_KEY, 1, {row({})}), without_identity({})),
              at("relation has no key", 2));
}

TEST(Decoder, RejectsKeyOfRelationWithFullIdentity) {
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_KEY, 1, {row({integer(1), nil()})}),
                              with_full_identity({})),
              at("relation has no key", 2));
}

TEST(Decoder, NamesTheKeyColumnWhoseValueIsWrong) {
    RelationFields table;
    table.columns = {{.name = "a"}, {.name = "b", .flags = WALPACK_COLUMN_KEY}};
    EXPECT_EQ(error_of_record(rows(WALPACK_DELETE_KEY, 1, {row({str("x")})}), table),
              at("value of column \"b\" of kind int4 is a str", 4));
}

}  // namespace
}  // namespace walpack
