// Dates, times and intervals as the server writes them with DateStyle ISO, IntervalStyle postgres
// and TimeZone UTC. Each throws Error(protocol) when the value lies outside the type's range, as
// the type's receive function would refuse it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walpack {

void check_date(std::int64_t days);
void check_time(std::int64_t microseconds);
void check_timestamp(std::int64_t microseconds);

std::string date_text(std::int64_t days);
std::string time_text(std::int64_t microseconds);
std::string timestamp_text(std::int64_t microseconds);
std::string timestamptz_text(std::int64_t microseconds);
// From the send form. timetz: 12 bytes, interval: 16.
std::string timetz_text(std::string_view send_form);
std::string interval_text(std::string_view send_form);

}  // namespace walpack
