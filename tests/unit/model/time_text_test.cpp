#include "model/time_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/record_log.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

struct Sample {
    std::string name;
    std::int64_t value;
    std::string text;
};

std::string name_of(const testing::TestParamInfo<Sample>& param_info) {
    return param_info.param.name;
}

class DateText : public testing::TestWithParam<Sample> {};

TEST_P(DateText, IsTheServers) {
    EXPECT_EQ(date_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Of, DateText,
                         testing::Values(Sample{"Epoch", 0, "2000-01-01"},
                                         Sample{"DayBefore", -1, "1999-12-31"},
                                         Sample{"LeapDay", 59, "2000-02-29"},
                                         Sample{"CenturyWithoutLeapDay", -36465, "1900-03-01"},
                                         Sample{"FirstYear", -730119, "0001-01-01"},
                                         Sample{"BeforeChrist", -730120, "0001-12-31 BC"},
                                         Sample{"First", -2451545, "4714-11-24 BC"},
                                         Sample{"FourDigits", 2921939, "9999-12-31"},
                                         Sample{"FiveDigits", 2921940, "10000-01-01"},
                                         Sample{"Last", 2145031948, "5874897-12-31"},
                                         Sample{"Infinite", INT32_MAX, "infinity"},
                                         Sample{"MinusInfinite", INT32_MIN, "-infinity"}),
                         name_of);

class TimeText : public testing::TestWithParam<Sample> {};

TEST_P(TimeText, IsTheServers) {
    EXPECT_EQ(time_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Of, TimeText,
                         testing::Values(Sample{"Midnight", 0, "00:00:00"},
                                         Sample{"Microsecond", 1, "00:00:00.000001"},
                                         Sample{"TrailingZeros", 45'296'789'000, "12:34:56.789"},
                                         Sample{"Last", 86'400'000'000, "24:00:00"}),
                         name_of);

class TimestampText : public testing::TestWithParam<Sample> {};

TEST_P(TimestampText, IsTheServers) {
    EXPECT_EQ(timestamp_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, TimestampText,
    testing::Values(Sample{"Epoch", 0, "2000-01-01 00:00:00"},
                    Sample{"MicrosecondBefore", -1, "1999-12-31 23:59:59.999999"},
                    Sample{"First", -211'813'488'000'000'000, "4714-11-24 00:00:00 BC"},
                    Sample{"Last", 9'223'371'331'199'999'999, "294276-12-31 23:59:59.999999"},
                    Sample{"Infinite", INT64_MAX, "infinity"},
                    Sample{"MinusInfinite", INT64_MIN, "-infinity"}),
    name_of);

TEST(TimestamptzText, IsInUtc) {
    EXPECT_EQ(timestamptz_text(500'000), "2000-01-01 00:00:00.5+00");
}

TEST(TimestamptzText, PutsTheEraBehindTheZone) {
    EXPECT_EQ(timestamptz_text(-211'813'488'000'000'000), "4714-11-24 00:00:00+00 BC");
}

TEST(TimestamptzText, HasNoZoneWhenInfinite) {
    EXPECT_EQ(timestamptz_text(INT64_MAX), "infinity");
}

struct SendFormSample {
    std::string name;
    std::string hex;
    std::string text;
};

std::string name_of_send_form(const testing::TestParamInfo<SendFormSample>& param_info) {
    return param_info.param.name;
}

class TimetzText : public testing::TestWithParam<SendFormSample> {};

TEST_P(TimetzText, IsTheServers) {
    EXPECT_EQ(timetz_text(from_hex(GetParam().hex)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, TimetzText,
    testing::Values(SendFormSample{"Utc", "000000000000000000000000", "00:00:00+00"},
                    SendFormSample{"Seconds", "000000141dd760000000e0ff", "24:00:00-15:59:59"},
                    SendFormSample{"Minutes", "0000000a8be62608ffffb2a8", "12:34:56.789+05:30"},
                    SendFormSample{"West", "00000000dde878c100007080", "01:02:03.000001-08"}),
    name_of_send_form);

class IntervalText : public testing::TestWithParam<SendFormSample> {};

TEST_P(IntervalText, IsTheServers) {
    EXPECT_EQ(interval_text(from_hex(GetParam().hex)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, IntervalText,
    testing::Values(
        SendFormSample{"Zero", "00000000000000000000000000000000", "00:00:00"},
        SendFormSample{"Year", "0000000000000000000000000000000c", "1 year"},
        SendFormSample{"MinusMonth", "000000000000000000000000ffffffff", "-1 mons"},
        SendFormSample{"SignsOfItsOwn", "000000036c97ca88fffffffd0000000e",
                       "1 year 2 mons -3 days +04:05:06.789"},
        SendFormSample{"PlusAfterNegative", "ffffffffffffffff00000003fffffff2",
                       "-1 years -2 mons +3 days -00:00:00.000001"},
        SendFormSample{"Day", "00000000000000000000000100000000", "1 day"},
        SendFormSample{"PlusTime", "00000000d693a400ffffffff00000000", "-1 days +01:00:00"},
        SendFormSample{"Fraction", "000000000007a1200000000000000000", "00:00:00.5"},
        SendFormSample{"MostMonths", "0000000000000000000000007fffffff", "178956970 years 7 mons"},
        SendFormSample{"MinusSecond", "fffffffffff0bdc00000000000000000", "-00:00:01"},
        SendFormSample{"SmallestTime", "80000000000000000000000000000000",
                       "-2562047788:00:54.775808"},
        SendFormSample{"Infinite", "7fffffffffffffff7fffffff7fffffff", "infinity"},
        SendFormSample{"MinusInfinite", "80000000000000008000000080000000", "-infinity"}),
    name_of_send_form);

TEST(DateText, RejectsDaysOutOfRange) {
    EXPECT_EQ(error_of([] { date_text(-2'451'546); }), "ERROR:  date is out of range");
    EXPECT_EQ(error_of([] { date_text(2'145'031'949); }), "ERROR:  date is out of range");
}

TEST(TimeText, RejectsTimesOutOfRange) {
    EXPECT_EQ(error_of([] { time_text(-1); }), "ERROR:  time is out of range");
    EXPECT_EQ(error_of([] { time_text(86'400'000'001); }), "ERROR:  time is out of range");
}

TEST(TimestampText, RejectsTimestampsOutOfRange) {
    EXPECT_EQ(error_of([] { timestamp_text(INT64_MIN + 1); }), "ERROR:  timestamp is out of range");
    EXPECT_EQ(error_of([] { timestamp_text(INT64_MAX - 1); }), "ERROR:  timestamp is out of range");
}

TEST(TimetzText, RejectsZoneOfSixteenHours) {
    EXPECT_EQ(error_of([] { timetz_text(from_hex("00000000000000000000e100")); }),
              "ERROR:  time zone is out of range");
    EXPECT_EQ(error_of([] { timetz_text(from_hex("0000000000000000ffff1f00")); }),
              "ERROR:  time zone is out of range");
}

TEST(TimetzText, RejectsAnotherSize) {
    EXPECT_EQ(error_of([] { timetz_text(from_hex("0000000000000000")); }),
              "ERROR:  send form of a value is cut");
}

TEST(IntervalText, RejectsAnotherSize) {
    EXPECT_EQ(error_of([] { interval_text(std::string(17, '\0')); }),
              "ERROR:  send form of a value has bytes behind its end");
}

}  // namespace
}  // namespace walpack
