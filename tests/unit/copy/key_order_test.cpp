#include "copy/key_order.h"

#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::attribute;
using test::integer;

std::string key_of_integer(const std::string& type, std::int64_t number) {
    return sort_key_of(attribute("k", type), integer(number));
}

std::string key_of_bytes(const std::string& type, std::string_view bytes) {
    return sort_key_of(attribute("k", type), test::text(bytes));
}

// A number of the type's range, with a liking for its ends and for zero.
std::int64_t random_number(std::mt19937_64& random, std::int64_t least, std::int64_t greatest) {
    const std::uint64_t width =
        static_cast<std::uint64_t>(greatest) - static_cast<std::uint64_t>(least);
    const std::uint64_t offset =
        width == std::numeric_limits<std::uint64_t>::max() ? random() : random() % (width + 1);
    switch (random() % 6) {
        case 0:
            return least + static_cast<std::int64_t>(offset % 3);
        case 1:
            return greatest - static_cast<std::int64_t>(offset % 3);
        case 2:
            return std::max(least, static_cast<std::int64_t>(offset % 5) - 2);
        default:
            return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + offset);
    }
}

struct IntegerKind {
    const char* type;
    std::int64_t least;
    std::int64_t greatest;
};

void PrintTo(const IntegerKind& kind, std::ostream* out) {
    *out << kind.type;
}

class SortKeyOfIntegers : public ::testing::TestWithParam<IntegerKind> {};

TEST_P(SortKeyOfIntegers, ComparesAsTheNumbersDo) {
    std::mt19937_64 random(7);
    const auto& [type, least, greatest] = GetParam();
    for (int round = 0; round < 20'000; ++round) {
        const std::int64_t left = random_number(random, least, greatest);
        const std::int64_t right = random_number(random, least, greatest);
        const std::string left_key = key_of_integer(type, left);
        const std::string right_key = key_of_integer(type, right);
        ASSERT_EQ(left_key < right_key, left < right) << left << " and " << right;
        ASSERT_EQ(left_key == right_key, left == right) << left << " and " << right;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SortKeyOfIntegers,
    ::testing::Values(IntegerKind{"int2", -32768, 32767},
                      IntegerKind{"int4", -2147483648LL, 2147483647},
                      IntegerKind{"int8", std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::max()},
                      IntegerKind{"oid", 0, 4294967295LL},
                      IntegerKind{"date", -2451545, 2145031948},
                      IntegerKind{"timestamp", -211813488000000000LL, 9223371331199999999LL},
                      IntegerKind{"timestamptz", -211813488000000000LL, 9223371331199999999LL}),
    [](const auto& instance) { return std::string(instance.param.type); });

TEST(SortKey, PutsInfinitiesAtTheEnds) {
    EXPECT_LT(key_of_integer("date", -2147483648LL), key_of_integer("date", -2451545));
    EXPECT_GT(key_of_integer("date", 2147483647), key_of_integer("date", 2145031948));
    const auto least = std::numeric_limits<std::int64_t>::min();
    const auto greatest = std::numeric_limits<std::int64_t>::max();
    EXPECT_LT(key_of_integer("timestamptz", least),
              key_of_integer("timestamptz", -211813488000000000LL));
    EXPECT_GT(key_of_integer("timestamptz", greatest),
              key_of_integer("timestamptz", 9223371331199999999LL));
}

TEST(SortKey, OfUuidAndTextIsTheirBytes) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 20'000; ++round) {
        std::string left(16, '\0');
        std::string right(16, '\0');
        for (char& byte : left) byte = static_cast<char>(random() % 2 == 0 ? 0x80 : random());
        right = left;
        right[random() % 16] = static_cast<char>(random());
        const bool is_less = std::memcmp(left.data(), right.data(), 16) < 0;
        ASSERT_EQ(key_of_bytes("uuid", left) < key_of_bytes("uuid", right), is_less);
        ASSERT_EQ(key_of_bytes("text", left) < key_of_bytes("text", right), is_less);
    }
}

TEST(SortKey, PutsAShorterTextFirst) {
    EXPECT_LT(key_of_bytes("text", ""), key_of_bytes("text", "a"));
    EXPECT_LT(key_of_bytes("text", "ab"), key_of_bytes("text", "abc"));
    EXPECT_LT(key_of_bytes("text", "ab"), key_of_bytes("text", "\xC3\xA4"));
}

TEST(SortKey, IsTheSameFromWhatTheTypeSends) {
    EXPECT_EQ(sort_key_of_sent(ValueKind::int4, std::string_view("\xFF\xFF\xFF\xFE", 4)),
              key_of_integer("int4", -2));
    EXPECT_EQ(sort_key_of_sent(ValueKind::oid, std::string_view("\xFF\xFF\xFF\xFE", 4)),
              key_of_integer("oid", 4294967294LL));
    EXPECT_EQ(sort_key_of_sent(ValueKind::text, "abc"), key_of_bytes("text", "abc"));
}

TEST(SortKey, RefusesAValueOfAnotherFormOrSize) {
    EXPECT_THROW((void)key_of_bytes("int4", "7"), Error);
    EXPECT_THROW((void)key_of_integer("int2", 40'000), Error);
    EXPECT_THROW((void)key_of_bytes("uuid", "short"), Error);
    EXPECT_THROW((void)sort_key_of_sent(ValueKind::int8, "1234"), Error);
    EXPECT_THROW((void)sort_key_of_sent(ValueKind::int4, ""), Error);
    EXPECT_THROW((void)sort_key_of_sent(ValueKind::numeric, "12"), Error);
}

TEST(HasByteOrder, HoldsForTextOnlyWhereItsCollationComparesBytes) {
    EXPECT_TRUE(has_byte_order(ValueKind::text, true));
    EXPECT_FALSE(has_byte_order(ValueKind::text, false));
    for (const ValueKind kind :
         {ValueKind::int2, ValueKind::int4, ValueKind::int8, ValueKind::oid, ValueKind::uuid,
          ValueKind::date, ValueKind::timestamp, ValueKind::timestamptz}) {
        EXPECT_TRUE(has_byte_order(kind, false)) << to_string(kind);
    }
    for (const ValueKind kind :
         {ValueKind::numeric, ValueKind::float8, ValueKind::boolean, ValueKind::bytea,
          ValueKind::timetz, ValueKind::enumeration, ValueKind::output}) {
        EXPECT_FALSE(has_byte_order(kind, true)) << to_string(kind);
    }
}

// --- ranges ---

KeyBound bound(int number) {
    return {std::to_string(number), key_of_integer("int4", number)};
}

TEST(KeyRange, TakesItsFirstBoundInAndLeavesTheSecondOut) {
    const KeyRange range{bound(-5), bound(10)};
    EXPECT_FALSE(range.has(key_of_integer("int4", -6)));
    EXPECT_TRUE(range.has(key_of_integer("int4", -5)));
    EXPECT_TRUE(range.has(key_of_integer("int4", 9)));
    EXPECT_FALSE(range.has(key_of_integer("int4", 10)));
}

TEST(KeyRange, IsOpenWithoutABound) {
    EXPECT_TRUE(KeyRange().has(""));
    EXPECT_TRUE((KeyRange{std::nullopt, bound(3)}.has(key_of_integer("int4", -2147483648LL))));
    EXPECT_TRUE((KeyRange{bound(3), std::nullopt}.has(key_of_integer("int4", 2147483647))));
}

}  // namespace
}  // namespace walpack
