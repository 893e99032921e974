// The tables of the randomised test and the values that go into them.
//
// Every supported way of identifying a row is there, and every family of types with its odd values.
#pragma once

#include <string>
#include <vector>

#include "support/random.h"

namespace walpack::e2e {

// Statements that make types and tables on an empty database; the same on both sides.
extern const char* const kRandomSchema;
// Rows that exist before the initial copy.
extern const char* const kRandomRows;

// One query with one answer: the sum that no committed transaction changes, over two tables.
extern const char* const kInvariantQuestion;
extern const char* const kInvariantAnswer;

struct TypedColumn {
    std::string name;
    std::string type;
    std::vector<std::string> values;  // SQL expressions
};

// The columns of table everything beside its key, with values to choose from.
const std::vector<TypedColumn>& typed_columns();

// A random value of a column; NULL now and then.
std::string random_value(const TypedColumn& column, Random& random);

}  // namespace walpack::e2e
