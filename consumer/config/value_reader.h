// What was given for a key -> the value, or Error(config) that says what is wrong and how to write
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/given_value.h"
#include "pg/conninfo.h"

namespace walpack {

struct CountBounds {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
};

struct DurationBounds {
    std::chrono::milliseconds min{0};
    std::chrono::milliseconds max{0};
};

bool read_boolean(const GivenValue& given);
std::string read_text(const GivenValue& given);
std::uint64_t read_count(const GivenValue& given, CountBounds bounds);
// An integer in bytes, or text with a unit as PostgreSQL writes it: B, kB, MB, GB, TB (of 1024).
std::uint64_t read_bytes(const GivenValue& given, CountBounds bounds);
// Text with a unit: ms, s, min, h, d. A bare number is refused, since nobody can tell its unit.
std::chrono::milliseconds read_duration(const GivenValue& given, DurationBounds bounds);
// Names as in SQL; the flag takes a list with commas, the file a list of texts.
std::vector<std::string> read_names(const GivenValue& given);
// The same with a schema each: the results are quoted, "schema"."table".
std::vector<std::string> read_table_names(const GivenValue& given);
// Refuses secrets where others can see them: on the command line, in a file that others can read.
Conninfo read_conninfo(const GivenValue& given);

// The way back, for help and describe(): the largest unit without a remainder.
std::string write_bytes(std::uint64_t bytes);
std::string write_duration(std::chrono::milliseconds duration);

}  // namespace walpack
