// Tables whose rows a target may refuse or have otherwise than the source, and random changes of
// them.
#pragma once

#include <string>

#include "support/random.h"

namespace walpack::e2e {

// ---- rows that are too large for a target: tables users, orders and plain

extern const char* const kUserTables;
// Of a transaction of an application that knows no limit for v, while the target has one.
std::string change_users(Random& random);

// Whether the target refuses a row at once, or only at the commit.
enum class Refusing { at_once, at_commit };

// What refuse_large() needs on the target.
extern const char* const kRefusingFunction;
// From now on; rows that are there may stay.
std::string refuse_large(const std::string& table, Refusing refusing);
std::string accept_large(const std::string& table, Refusing refusing);

// ---- rows that conflict: table stock

extern const char* const kStockTable;
// Policies, as a TOML value, by which both sides are equal in the end.
extern const char* const kSourceWins;
// Some changes, for either side; those that its server refuses are left out.
std::string change_stock(Random& random, int count);
// What was written only at the target stays until a change of the source meets it: every row of the
// source changes once, and every other is deleted there.
extern const char* const kSweepStock;

}  // namespace walpack::e2e
