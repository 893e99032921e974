#include "protocol/column_order.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/random.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using column_order::Column;
using column_order::kColumnsMax;

// What comes back, or nothing when it is malformed.
std::string restored(const std::string& arranged) {
    std::vector<Column> columns(kColumnsMax);
    std::string message(arranged.size(), '\0');
    message.resize(column_order::restore(reinterpret_cast<const std::uint8_t*>(arranged.data()),
                                         arranged.size(), columns.data(),
                                         reinterpret_cast<std::uint8_t*>(message.data())));
    return message;
}

std::string arranged(const std::string& message) {
    std::vector<Column> columns(kColumnsMax);
    std::string out(message.size() + column_order::arranged_overhead(kColumnsMax), '\0');
    out.resize(column_order::arrange(reinterpret_cast<const std::uint8_t*>(message.data()),
                                     message.size(), columns.data(),
                                     reinterpret_cast<std::uint8_t*>(out.data())));
    for (const Column& column : columns) {
        EXPECT_EQ(column.heads, 0U);
        EXPECT_EQ(column.tail, 0U);
    }
    return out;
}

TEST(ColumnOrder, PutsValuesTogetherByColumnAndPlane) {
    // Two rows of two columns: 258 and "ab", 259 and "c".
    const std::string message(
        "\x94\x05\x01\x92\xcd\x01\x02\xa2"
        "ab\x92\xcd\x01\x03\xa1"
        "c",
        16);
    const std::string expected(
        "\x05\x94\x05\x01\x92\x92"          // skeleton
        "\x02"                              // two columns
        "\x02\x00\xcd\xcd\x02\x03\x01\x01"  // two values, no tail: heads, low bytes, high bytes
        "\x02\x03\xa2\xa1"
        "abc",
        22);
    EXPECT_EQ(arranged(message), expected);
    EXPECT_EQ(restored(expected), message);
}

TEST(ColumnOrder, LeavesWhatHasNoRowsAlone) {
    EXPECT_EQ(arranged("\x94\x03\x01\x02\x03"), "");
    EXPECT_EQ(arranged(""), "");
}

TEST(ColumnOrder, LeavesWhatItCannotReadAlone) {
    EXPECT_EQ(arranged("\x93\x05\x01\x91"), "");          // a tuple without its value
    EXPECT_EQ(arranged("\x93\x05\x01\x91\x91\x01"), "");  // an array in a tuple
    EXPECT_EQ(arranged("\x93\x05\x01\x91\xa5"
                       "ab"),
              "");                    // a cut string
    EXPECT_EQ(arranged("\x05"), "");  // no record
}

// A value of any form that a row may hold.
std::string random_value(e2e::Random& random) {
    static const std::string kFixed[] = {std::string("\xc0"),
                                         std::string("\xc3"),
                                         std::string("\x07"),
                                         std::string("\xe1"),
                                         std::string("\xcc\x80", 2),
                                         std::string("\xd1\x80\x01", 3),
                                         std::string("\xd4\x01\x00", 3),
                                         std::string("\xca\x3f\x80\x00\x00", 5),
                                         std::string("\xcf\x01\x02\x03\x04\x05\x06\x07\x08", 9)};
    const auto choice = random.between(0, 12);
    if (choice < 9) return kFixed[choice];
    const std::string content(static_cast<std::size_t>(random.between(0, 300)), 'x');
    if (choice == 9 && content.size() < 32)
        return std::string(1, static_cast<char>(0xa0 + content.size())) + content;
    const char high = static_cast<char>(content.size() >> 8);
    const char low = static_cast<char>(content.size());
    if (choice < 11) return std::string("\xda") + high + low + content;
    return std::string("\xc6\0\0", 3) + high + low + content;
}

std::string random_message(e2e::Random& random) {
    std::string message("\x94\x03\x01\x02\x03", 5);
    const auto records = random.between(1, 6);
    for (int record = 0; record < records; ++record) {
        const int type = static_cast<int>(random.between(5, 11));
        const int sides = type == 7 || type == 8 ? 2 : 1;
        const int tuples = sides * static_cast<int>(random.between(1, 200));
        const int values = static_cast<int>(random.between(0, 20));
        message += std::string("\xdc") + static_cast<char>((tuples + 2) >> 8) +
                   static_cast<char>(tuples + 2) + static_cast<char>(type) + '\x01';
        for (int tuple = 0; tuple < tuples; ++tuple) {
            message += std::string("\xdc") + '\0' + static_cast<char>(values);
            for (int value = 0; value < values; ++value) message += random_value(random);
        }
    }
    return message;
}

TEST(ColumnOrder, GivesBackEveryMessage) {
    e2e::Random random(4711);
    for (int round = 0; round < 50; ++round) {
        const std::string message = random_message(random);
        const std::string in_columns = arranged(message);
        ASSERT_TRUE(in_columns.empty() || restored(in_columns) == message) << "round " << round;
    }
}

// Damage is noticed or gives some other message; it never reads or writes outside.
TEST(ColumnOrder, SurvivesDamage) {
    e2e::Random random(815);
    std::string sound;  // a message without values has no column order
    while (sound.empty()) sound = arranged(random_message(random));
    for (int round = 0; round < 1000; ++round) {
        std::string damaged = sound;
        const auto flips = random.between(1, 4);
        for (int flip = 0; flip < flips; ++flip)
            damaged[static_cast<std::size_t>(
                random.between(0, static_cast<std::int64_t>(damaged.size()) - 1))] =
                static_cast<char>(random.between(0, 255));
        if (round % 3 == 0) damaged.resize(damaged.size() / 2);
        EXPECT_LE(restored(damaged).size(), damaged.size());
    }
}

}  // namespace
}  // namespace walpack
