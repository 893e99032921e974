// What a result of the target means for the change behind it.
//
// Here every conflict is an error; what else may be done about it is decided in
// conflict_resolution.h.
#pragma once

#include <optional>
#include <string>

#include "apply/conflict_policy.h"
#include "apply/in_flight.h"
#include "base/error.h"

namespace walpack {

// nullopt when the result is what was expected. Names table, key, column or constraint where they
// are known, and the commit LSN of the source transaction; other values of the row never.
std::optional<Error> judge_result(const SentStatement& sent, const Result& result);

// What a deferred constraint says of a row at the end of its transaction. `text` holds no values.
Error refused_at_commit(const SentStatement& sent, const std::string& text,
                        const std::string& constraint);

// The row meets a value of a unique index, or of several.
Error existing_key(const SentStatement& sent, ConflictKind kind, const std::string& constraint);

// The row to update or delete was written by somebody else.
Error other_origin(const SentStatement& sent, ConflictKind kind);

}  // namespace walpack
