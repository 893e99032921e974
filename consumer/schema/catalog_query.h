// Small pieces of reading the system catalogues: parameters that are arrays, and typed fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "pg/result.h"

namespace walpack {

// The text form of a text[] or name[] parameter.
std::string array_literal(const std::vector<std::string>& elements);
// The text form of an oid[] parameter.
std::string array_literal(const std::vector<std::uint32_t>& oids);

// Fields of a result; NULL is 0, false or the empty string.
std::uint32_t oid_at(const Result& result, int row, int column);
std::int32_t int_at(const Result& result, int row, int column);
std::uint64_t count_at(const Result& result, int row, int column);
bool bool_at(const Result& result, int row, int column);
std::string text_at(const Result& result, int row, int column);
std::vector<std::uint32_t> oids_at(const Result& result, int row, int column);  // of an oid[]

// Names in the session's SQL mean the server's own objects from here on, whatever schemas exist.
void pin_search_path(Connection& connection);

}  // namespace walpack
