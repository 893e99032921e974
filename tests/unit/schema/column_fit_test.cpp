#include "schema/column_fit.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::array_attribute;
using test::array_column;
using test::attribute;
using test::target_column;

struct Pair {
    std::string name;
    std::string source;
    std::string target;
};

std::string name_of(const testing::TestParamInfo<Pair>& param_info) {
    return param_info.param.name;
}

// --- the same representation ---

class SameType : public testing::TestWithParam<std::string> {};

TEST_P(SameType, IsSentInBinary) {
    const auto fit = fit_column(attribute("c", GetParam()), target_column("c", GetParam()));
    ASSERT_TRUE(fit);
    EXPECT_EQ(fit->binding, Binding::binary);
    EXPECT_EQ(fit->kind, attribute("c", GetParam()).kind);
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, SameType,
                         testing::Values("bool", "int2", "int4", "int8", "oid", "xid8", "pg_lsn",
                                         "float4", "float8", "char", "bytea", "uuid", "date",
                                         "time", "timestamp", "timestamptz", "timetz", "interval",
                                         "money", "numeric", "jsonb", "inet", "bit", "point",
                                         "tsvector"),
                         [](const auto& param_info) { return param_info.param; });

TEST(ColumnFit, SendsAnEnumInBinaryToAnEnum) {
    Attribute source = attribute("c", "mood", "app");
    source.kind = ValueKind::enumeration;
    TargetColumn target = target_column("c", "mood", "other");
    target.kind = ValueKind::enumeration;
    EXPECT_EQ(fit_column(source, target)->binding, Binding::binary);
}

TEST(ColumnFit, SendsADomainAsItsBaseType) {
    Attribute source = attribute("c", "int4");
    source.base = source.type;
    source.type = {5, "app", "positive"};
    EXPECT_EQ(fit_column(source, target_column("c", "int4"))->binding, Binding::binary);
}

// --- widening ---

class ExactWidening : public testing::TestWithParam<Pair> {};

TEST_P(ExactWidening, Fits) {
    EXPECT_TRUE(
        fit_column(attribute("c", GetParam().source), target_column("c", GetParam().target)));
}

INSTANTIATE_TEST_SUITE_P(
    Types, ExactWidening,
    testing::Values(Pair{"Int2ToInt4", "int2", "int4"}, Pair{"Int2ToInt8", "int2", "int8"},
                    Pair{"Int4ToInt8", "int4", "int8"}, Pair{"Int8ToNumeric", "int8", "numeric"},
                    Pair{"Float4ToFloat8", "float4", "float8"},
                    Pair{"Int4ToFloat8", "int4", "float8"}, Pair{"JsonbToJson", "jsonb", "json"},
                    Pair{"VarcharToText", "varchar", "text"},
                    Pair{"TextToVarchar", "text", "varchar"},
                    Pair{"BpcharToText", "bpchar", "text"}, Pair{"JsonToText", "json", "text"},
                    Pair{"TextToXml", "text", "xml"}, Pair{"UuidToText", "uuid", "text"},
                    Pair{"NumericToVarchar", "numeric", "varchar"}),
    name_of);

TEST(ColumnFit, SendsAWidenedIntegerInTheColumnsBinaryForm) {
    const auto fit = fit_column(attribute("c", "int4"), target_column("c", "int8"));
    EXPECT_EQ(fit->binding, Binding::binary);
    EXPECT_EQ(fit->kind, ValueKind::int8);
}

// Its shortest text, 0.1, reads as another double than the float's value.
TEST(ColumnFit, SendsAWidenedFloatInTheColumnsBinaryForm) {
    const auto fit = fit_column(attribute("c", "float4"), target_column("c", "float8"));
    EXPECT_EQ(fit->binding, Binding::binary);
    EXPECT_EQ(fit->kind, ValueKind::float8);
}

// --- pairs that would change a value or lose one ---

class LossyPair : public testing::TestWithParam<Pair> {};

TEST_P(LossyPair, DoesNotFit) {
    EXPECT_FALSE(
        fit_column(attribute("c", GetParam().source), target_column("c", GetParam().target)));
}

INSTANTIATE_TEST_SUITE_P(
    Types, LossyPair,
    testing::Values(
        Pair{"Int8ToInt4", "int8", "int4"}, Pair{"Int8ToFloat8", "int8", "float8"},
        Pair{"Int4ToFloat4", "int4", "float4"}, Pair{"Float8ToFloat4", "float8", "float4"},
        Pair{"NumericToFloat8", "numeric", "float8"},
        Pair{"TimestampToTimestamptz", "timestamp", "timestamptz"},
        Pair{"TimestamptzToTimestamp", "timestamptz", "timestamp"},
        Pair{"TimestampToDate", "timestamp", "date"}, Pair{"JsonToJsonb", "json", "jsonb"},
        Pair{"TextIsPaddedToBpchar", "text", "bpchar"}, Pair{"TextIsCutToName", "text", "name"},
        Pair{"TextToInt4", "text", "int4"}, Pair{"MoneyToText", "money", "text"},
        Pair{"InetToCidr", "inet", "cidr"}, Pair{"PointToText", "point", "text"},
        Pair{"XidToOid", "xid", "oid"}, Pair{"Xid8ToLsn", "xid8", "pg_lsn"}),
    name_of);

// --- arrays, ranges, types without a binary form ---

TEST(ColumnFit, PutsTheTargetsElementOidIntoAnArray) {
    const auto fit = fit_column(array_attribute("c", "int4"), array_column("c", "int4"));
    EXPECT_EQ(fit->binding, Binding::binary_array);
}

TEST(ColumnFit, FindsAUsersElementTypeInAnotherSchema) {
    Attribute source = array_attribute("c", "mood", "app");
    source.element_kind = ValueKind::enumeration;
    TargetColumn target = array_column("c", "mood", "other");
    target.element_kind = ValueKind::enumeration;
    EXPECT_EQ(fit_column(source, target)->binding, Binding::binary_array);
}

TEST(ColumnFit, DoesNotTakeAUsersElementTypeForABuiltInOne) {
    EXPECT_FALSE(fit_column(array_attribute("c", "int4"), array_column("c", "int4", "app")));
}

TEST(ColumnFit, SendsAnArrayOfWidenedIntegersAsText) {
    const auto fit = fit_column(array_attribute("c", "int4"), array_column("c", "int8"));
    EXPECT_EQ(fit->binding, Binding::text);
}

TEST(ColumnFit, DoesNotSendAnArrayOfFloatsAsText) {
    EXPECT_FALSE(fit_column(array_attribute("c", "float4"), array_column("c", "float8")));
}

TEST(ColumnFit, DoesNotTakeAnArrayForItsElement) {
    EXPECT_FALSE(fit_column(array_attribute("c", "int4"), target_column("c", "int4")));
    EXPECT_FALSE(fit_column(attribute("c", "int4"), array_column("c", "int4")));
}

TEST(ColumnFit, NeedsTheSameRange) {
    Attribute source = attribute("c", "int4range");
    source.kind = ValueKind::range;
    source.element_kind = ValueKind::int4;
    TargetColumn target = target_column("c", "int4range");
    target.kind = ValueKind::range;
    target.element_kind = ValueKind::int4;
    EXPECT_EQ(fit_column(source, target)->binding, Binding::binary);
    target.type_name = "int8range";
    target.element_kind = ValueKind::int8;
    EXPECT_FALSE(fit_column(source, target));
}

TEST(ColumnFit, SendsACompositeAsTextToItsNamesake) {
    const Attribute source = attribute("c", "pair", "app");
    EXPECT_EQ(fit_column(source, target_column("c", "pair", "app"))->binding, Binding::text);
    EXPECT_EQ(fit_column(source, target_column("c", "text"))->binding, Binding::text);
    EXPECT_FALSE(fit_column(source, target_column("c", "triple", "app")));
}

// --- modifiers ---

constexpr std::int32_t numeric_modifier(std::int32_t precision, std::int32_t scale) {
    return (precision << 16 | scale) + 4;
}

bool rounds_with(const std::string& type, std::int32_t from, std::int32_t to) {
    Attribute source = attribute("c", type);
    source.typmod = from;
    TargetColumn target = target_column("c", type);
    target.typmod = to;
    return rounds(source, target);
}

TEST(Rounding, IsSeenInASmallerScale) {
    EXPECT_TRUE(rounds_with("numeric", numeric_modifier(12, 4), numeric_modifier(12, 2)));
    EXPECT_TRUE(rounds_with("numeric", -1, numeric_modifier(12, 2)));
}

TEST(Rounding, IsNotSeenInASmallerPrecision) {
    EXPECT_FALSE(rounds_with("numeric", numeric_modifier(12, 2), numeric_modifier(5, 2)));
    EXPECT_FALSE(rounds_with("numeric", numeric_modifier(12, 2), -1));
}

TEST(Rounding, IsSeenInFewerFractionalSeconds) {
    EXPECT_TRUE(rounds_with("timestamp", -1, 0));
    EXPECT_TRUE(rounds_with("timetz", 6, 3));
    EXPECT_FALSE(rounds_with("timestamptz", 3, 6));
    EXPECT_FALSE(rounds_with("time", -1, 6));
}

TEST(Rounding, OfIntervalsIsSeenInFewerFractionalSecondsAndFewerFields) {
    constexpr std::int32_t kMilliseconds = (0x7FFF << 16) | 3;  // interval(3)
    constexpr std::int32_t kMicroseconds = (0x7FFF << 16) | 6;
    constexpr std::int32_t kMonths = (0x0006 << 16) | 0xFFFF;  // interval year to month
    EXPECT_TRUE(rounds_with("interval", -1, kMilliseconds));
    EXPECT_TRUE(rounds_with("interval", kMicroseconds, kMilliseconds));
    EXPECT_TRUE(rounds_with("interval", -1, kMonths));
    EXPECT_TRUE(rounds_with("interval", kMilliseconds, kMonths));
    EXPECT_FALSE(rounds_with("interval", kMilliseconds, kMicroseconds));
    EXPECT_FALSE(rounds_with("interval", -1, kMicroseconds));
    EXPECT_FALSE(rounds_with("interval", kMonths, kMicroseconds));
}

TEST(Rounding, IsNotSeenInAShorterVarcharOfWhichTheValuesAreLookedAt) {
    EXPECT_FALSE(rounds_with("varchar", 24, 14));
}

TEST(Rounding, IsSeenWhereTheBlanksOfACharacterWouldBeCut) {
    Attribute source = attribute("c", "bpchar");
    source.typmod = 9;
    TargetColumn target = target_column("c", "varchar");
    target.typmod = 7;
    EXPECT_TRUE(rounds(source, target));
    target.typmod = 9;
    EXPECT_FALSE(rounds(source, target));
}

TEST(Rounding, IsSeenInAnArrayOfShorterVarchars) {
    Attribute source = array_attribute("c", "varchar");
    source.typmod = 24;
    TargetColumn target = array_column("c", "varchar");
    target.typmod = 14;
    EXPECT_TRUE(rounds(source, target));
    target.typmod = 24;
    EXPECT_FALSE(rounds(source, target));
}

TEST(Rounding, OfADomainGoesByItsOwnModifier) {
    Attribute source = attribute("c", "price", "app");
    source.kind = ValueKind::numeric;
    source.base = TypeName{3, "pg_catalog", "numeric"};
    source.typmod = numeric_modifier(12, 4);
    TargetColumn target = target_column("c", "numeric");
    target.typmod = numeric_modifier(12, 2);
    EXPECT_TRUE(rounds(source, target));
    source.typmod = numeric_modifier(12, 2);
    EXPECT_FALSE(rounds(source, target));
}

TEST(BlanksThatAreCut, AreThoseBeyondTheLengthOfAShorterVarchar) {
    Attribute source = attribute("c", "text");
    TargetColumn target = target_column("c", "varchar");
    EXPECT_EQ(cuts_blanks_beyond(source, target), 0);
    target.typmod = 14;
    EXPECT_EQ(cuts_blanks_beyond(source, target), 10);
    source = attribute("c", "varchar");
    source.typmod = 24;
    EXPECT_EQ(cuts_blanks_beyond(source, target), 10);
    source.typmod = 14;
    EXPECT_EQ(cuts_blanks_beyond(source, target), 0);
    EXPECT_EQ(cuts_blanks_beyond(attribute("c", "int4"), target), 0);
}

TEST(TypeDisplay, IsHowSqlWritesIt) {
    EXPECT_EQ(type_display(attribute("c", "int8")), "bigint");
    EXPECT_EQ(type_display(array_attribute("c", "int4")), "integer[]");
    Attribute number = attribute("c", "numeric");
    number.typmod = numeric_modifier(12, 4);
    EXPECT_EQ(type_display(number), "numeric(12,4)");
    EXPECT_EQ(type_display(attribute("c", "mood", "app")), "app.mood");
}

}  // namespace
}  // namespace walpack
