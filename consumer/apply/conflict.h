// What a result of the target means for the change behind it.
//
// Kinds are named as PostgreSQL 18 names them: insert_exists, update_exists, update_missing,
// delete_missing. There is one answer now: the error that stops the pipeline with the row named.
#pragma once

#include <optional>

#include "apply/in_flight.h"
#include "base/error.h"

namespace walpack {

// nullopt when the result is what was expected. Names table, key, column or constraint where they
// are known, and the commit LSN of the source transaction; other values of the row never.
std::optional<Error> judge_result(const SentStatement& sent, const Result& result);

}  // namespace walpack
