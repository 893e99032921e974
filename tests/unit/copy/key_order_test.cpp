#include "copy/key_order.h"

#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

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

std::string sent_numeric(const std::array<int, 4>& head, const std::vector<std::uint16_t>& digits) {
    std::string sent;
    const auto append = [&sent](int number) {
        sent += static_cast<char>(number >> 8);
        sent += static_cast<char>(number);
    };
    for (const int each : head) append(each);
    for (const std::uint16_t digit : digits) append(digit);
    return sent;
}

// `head`: count of digits, weight, sign, display scale.
std::string key_of_numeric(const std::array<int, 4>& head,
                           const std::vector<std::uint16_t>& digits) {
    return sort_key_of_sent(ValueKind::numeric, sent_numeric(head, digits));
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

// --- numeric ---

struct Decimal {
    std::int64_t number;  // of units of 10000^-unit
    int unit;
    int zeros;  // digits of nothing at the end
};

// As numeric_send writes it: digits to base 10000, none of them zero at the beginning.
std::string sent_decimal(const Decimal& decimal) {
    const bool is_negative = decimal.number < 0;
    std::uint64_t rest = static_cast<std::uint64_t>(decimal.number);
    if (is_negative) rest = 0 - rest;
    std::vector<std::uint16_t> digits(static_cast<std::size_t>(decimal.zeros));
    for (; rest > 0; rest /= 10'000)
        digits.insert(digits.begin(), static_cast<std::uint16_t>(rest % 10'000));
    const int weight = static_cast<int>(digits.size()) - decimal.zeros - 1 - decimal.unit;
    if (decimal.number == 0) digits.clear();
    return sent_numeric({static_cast<int>(digits.size()), weight, is_negative ? 0x4000 : 0, 0},
                        digits);
}

TEST(SortKey, OfNumericComparesAsTheNumbersDo) {
    std::mt19937_64 random(23);
    const auto decimal = [&random] {
        static constexpr std::int64_t kGreatest[] = {3, 10'000, 100'000'000, 99'999'999'999};
        const std::int64_t greatest = kGreatest[random() % 4];
        return Decimal{random_number(random, -greatest, greatest), static_cast<int>(random() % 3),
                       static_cast<int>(random() % 3)};
    };
    for (int round = 0; round < 50'000; ++round) {
        const Decimal left = decimal();
        Decimal right = decimal();
        if (round % 3 == 0)
            right = {left.number + static_cast<int>(random() % 3) - 1, left.unit, 0};
        // Both in the smallest unit.
        const auto scaled = [](const Decimal& each) {
            __int128 number = each.number;
            for (int unit = each.unit; unit < 2; ++unit) number *= 10'000;
            return number;
        };
        const std::string left_key = sort_key_of_sent(ValueKind::numeric, sent_decimal(left));
        const std::string right_key = sort_key_of_sent(ValueKind::numeric, sent_decimal(right));
        ASSERT_EQ(left_key < right_key, scaled(left) < scaled(right))
            << left.number << "/" << left.unit << " and " << right.number << "/" << right.unit;
        ASSERT_EQ(left_key == right_key, scaled(left) == scaled(right))
            << left.number << "/" << left.unit << " and " << right.number << "/" << right.unit;
        // One behind the other as well.
        const std::string id = key_of_integer("int4", 0);
        ASSERT_EQ(left_key + id < right_key + id, scaled(left) < scaled(right));
    }
}

TEST(SortKey, OfNumericPutsInfinitiesAtTheEndsAndNanBehind) {
    const std::string least = key_of_numeric({1, 0x7FFF, 0x4000, 0}, {9999});
    const std::string greatest = key_of_numeric({1, 0x7FFF, 0, 0}, {9999});
    EXPECT_LT(key_of_numeric({0, 0, 0xF000, 0x20}, {}), least);
    EXPECT_LT(least, greatest);
    EXPECT_LT(greatest, key_of_numeric({0, 0, 0xD000, 0x20}, {}));
    EXPECT_LT(key_of_numeric({0, 0, 0xD000, 0x20}, {}), key_of_numeric({0, 0, 0xC000, 0}, {}));
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
    EXPECT_THROW((void)key_of_numeric({1, 0, 0x1000, 0}, {7}), Error);
    EXPECT_THROW((void)key_of_numeric({2, 0, 0, 0}, {7}), Error);
    EXPECT_THROW((void)sort_key_of_sent(ValueKind::float8, "12345678"), Error);
}

TEST(HasSortKey, HoldsForTextOnlyWhereItsCollationComparesBytes) {
    EXPECT_TRUE(has_sort_key(ValueKind::text, true));
    EXPECT_FALSE(has_sort_key(ValueKind::text, false));
    for (const ValueKind kind :
         {ValueKind::int2, ValueKind::int4, ValueKind::int8, ValueKind::oid, ValueKind::uuid,
          ValueKind::date, ValueKind::timestamp, ValueKind::timestamptz, ValueKind::numeric}) {
        EXPECT_TRUE(has_sort_key(kind, false)) << to_string(kind);
    }
    for (const ValueKind kind : {ValueKind::float8, ValueKind::boolean, ValueKind::bytea,
                                 ValueKind::timetz, ValueKind::enumeration, ValueKind::output}) {
        EXPECT_FALSE(has_sort_key(kind, true)) << to_string(kind);
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
