#include "model/time_text.h"

#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "model/byte_reader.h"

namespace walpack {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// The smallest and largest numbers are the infinities.
constexpr std::int64_t kDateMinusInfinity = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kDateInfinity = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();

// 4714-11-24 BC; 5874898-01-01 and 294277-01-01 are the first beyond the range.
constexpr std::int64_t kDateMin = -2'451'545;
constexpr std::int64_t kDateEnd = 2'145'031'949;
constexpr std::int64_t kTimestampMin = -211'813'488'000'000'000;
constexpr std::int64_t kTimestampEnd = 9'223'371'331'200'000'000;
constexpr std::int32_t kZoneEnd = 16 * 60 * 60;

[[noreturn]] void throw_out_of_range(const char* type) {
    throw Error(ErrorKind::protocol, fmt::format("{} is out of range", type));
}

struct CivilDate {
    std::int64_t year = 0;  // astronomical: 0 is 1 BC
    int month = 0;
    int day = 0;
};

// Days since 2000-01-01 to a date of the proleptic Gregorian calendar. Years are counted from
// March, so that the leap day is the last of its year; 400 such years have 146097 days.
CivilDate civil_date(std::int64_t days) {
    constexpr std::int64_t kEraDays = 146'097;
    constexpr std::int64_t kFromMarchOfYear0 = 730'425;
    const std::int64_t shifted = days + kFromMarchOfYear0;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - (kEraDays - 1)) / kEraDays;
    const std::int64_t day_of_era = shifted - era * kEraDays;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t march_month = (5 * day_of_year + 2) / 153;

    CivilDate date;
    date.day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
    date.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
    date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
    return date;
}

std::string ymd_text(const CivilDate& date) {
    const std::int64_t shown = date.year > 0 ? date.year : 1 - date.year;
    return fmt::format("{:04}-{:02}-{:02}", shown, date.month, date.day);
}

const char* era_text(const CivilDate& date) {
    return date.year > 0 ? "" : " BC";
}

// ".25" for 250000; nothing for 0.
std::string fraction_text(std::int64_t microseconds) {
    if (microseconds == 0) return "";
    std::string text = fmt::format(".{:06}", microseconds);
    text.erase(text.find_last_not_of('0') + 1);
    return text;
}

std::string clock_text(std::int64_t microseconds) {
    return fmt::format("{:02}:{:02}:{:02}{}", microseconds / kHour, microseconds / kMinute % 60,
                       microseconds / kSecond % 60, fraction_text(microseconds % kSecond));
}

std::string timestamp_text_with(std::int64_t microseconds, const char* zone) {
    check_timestamp(microseconds);
    if (microseconds == kInfinity) return "infinity";
    if (microseconds == kMinusInfinity) return "-infinity";
    std::int64_t days = microseconds / kDay;
    std::int64_t clock = microseconds % kDay;
    if (clock < 0) {
        clock += kDay;
        --days;
    }
    const CivilDate date = civil_date(days);
    return ymd_text(date) + ' ' + clock_text(clock) + zone + era_text(date);
}

std::string zone_text(std::int32_t seconds_west) {
    const int seconds = std::abs(seconds_west);
    std::string text = fmt::format("{}{:02}", seconds_west <= 0 ? '+' : '-', seconds / 3600);
    if (seconds % 3600 != 0) text += fmt::format(":{:02}", seconds / 60 % 60);
    if (seconds % 60 != 0) text += fmt::format(":{:02}", seconds % 60);
    return text;
}

// The pieces of an interval. Each may have its own sign; after a negative one the next shows a plus
// where it would otherwise read as negative too.
class IntervalText {
  public:
    void add(std::int32_t count, const char* unit) {
        if (count == 0) return;
        if (!text_.empty()) text_ += ' ';
        if (is_after_negative_ && count > 0) text_ += '+';
        text_ += fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
        is_after_negative_ = count < 0;
    }

    std::string finish(std::int64_t microseconds) && {
        if (microseconds == 0 && !text_.empty()) return std::move(text_);
        if (!text_.empty()) text_ += ' ';
        if (microseconds < 0) {
            text_ += '-';
        } else if (is_after_negative_) {
            text_ += '+';
        }
        // Piecewise, as the smallest number has no positive counterpart.
        text_ += fmt::format("{:02}:{:02}:{:02}{}", std::abs(microseconds / kHour),
                             std::abs(microseconds / kMinute % 60),
                             std::abs(microseconds / kSecond % 60),
                             fraction_text(std::abs(microseconds % kSecond)));
        return std::move(text_);
    }

  private:
    std::string text_;
    bool is_after_negative_ = false;
};

}  // namespace

void check_date(std::int64_t days) {
    const bool is_infinite = days == kDateInfinity || days == kDateMinusInfinity;
    if (!is_infinite && (days < kDateMin || days >= kDateEnd)) throw_out_of_range("date");
}

void check_time(std::int64_t microseconds) {
    if (microseconds < 0 || microseconds > kDay) throw_out_of_range("time");
}

void check_timestamp(std::int64_t microseconds) {
    const bool is_infinite = microseconds == kInfinity || microseconds == kMinusInfinity;
    if (!is_infinite && (microseconds < kTimestampMin || microseconds >= kTimestampEnd))
        throw_out_of_range("timestamp");
}

std::string date_text(std::int64_t days) {
    check_date(days);
    if (days == kDateInfinity) return "infinity";
    if (days == kDateMinusInfinity) return "-infinity";
    const CivilDate date = civil_date(days);
    return ymd_text(date) + era_text(date);
}

std::string time_text(std::int64_t microseconds) {
    check_time(microseconds);
    return clock_text(microseconds);
}

std::string timestamp_text(std::int64_t microseconds) {
    return timestamp_text_with(microseconds, "");
}

std::string timestamptz_text(std::int64_t microseconds) {
    return timestamp_text_with(microseconds, "+00");
}

std::string timetz_text(std::string_view send_form) {
    ByteReader reader(send_form);
    const auto microseconds = reader.number<std::int64_t>();
    const auto zone = reader.number<std::int32_t>();
    reader.expect_end();
    if (zone <= -kZoneEnd || zone >= kZoneEnd) throw_out_of_range("time zone");
    return time_text(microseconds) + zone_text(zone);
}

std::string interval_text(std::string_view send_form) {
    ByteReader reader(send_form);
    const auto microseconds = reader.number<std::int64_t>();
    const auto days = reader.number<std::int32_t>();
    const auto months = reader.number<std::int32_t>();
    reader.expect_end();

    // Infinite since version 17; the same bytes were a finite interval of all maxima before.
    constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
    constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
    if (microseconds == kInfinity && days == kMax && months == kMax) return "infinity";
    if (microseconds == kMinusInfinity && days == kMin && months == kMin) return "-infinity";

    IntervalText text;
    text.add(months / 12, "year");
    text.add(months % 12, "mon");
    text.add(days, "day");
    return std::move(text).finish(microseconds);
}

}  // namespace walpack
