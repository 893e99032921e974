#include "model/relation.h"

#include <gtest/gtest.h>

#include "protocol/format.h"

namespace walpack {
namespace {

std::string qualified(const std::string& schema, const std::string& name) {
    Relation relation;
    relation.schema = schema;
    relation.name = name;
    return relation.qualified_name();
}

TEST(Relation, NamesItselfWithoutQuotesWhereNoneAreNeeded) {
    EXPECT_EQ(qualified("public", "order_2$"), "public.order_2$");
}

TEST(Relation, QuotesNamesThatSqlWouldReadOtherwise) {
    EXPECT_EQ(qualified("Public", "2nd"), "\"Public\".\"2nd\"");
    EXPECT_EQ(qualified("a\"b", "c.d"), "\"a\"\"b\".\"c.d\"");
}

TEST(ValueKind, HasTheNumbersOfTheProtocol) {
    EXPECT_EQ(static_cast<int>(ValueKind::boolean), WALPACK_KIND_BOOL);
    EXPECT_EQ(static_cast<int>(ValueKind::numeric), WALPACK_KIND_NUMERIC);
    EXPECT_EQ(static_cast<int>(ValueKind::output), WALPACK_KIND_OUTPUT);
}

TEST(ValueKind, HasTheNamesOfTheProtocol) {
    EXPECT_EQ(to_string(ValueKind::boolean), "bool");
    EXPECT_EQ(to_string(ValueKind::character), "char");
    EXPECT_EQ(to_string(ValueKind::enumeration), "enum");
    EXPECT_EQ(to_string(ValueKind::output), "output");
}

}  // namespace
}  // namespace walpack
