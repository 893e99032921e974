#include "copy/deferred_constraints.h"

#include "copy/copy_error.h"
#include "pg/error_kind.h"

namespace walpack {

std::optional<Error> refusal_of_deferred(Connection& target) {
    const Result result = target.execute_any("SET CONSTRAINTS ALL IMMEDIATE");
    if (result.kind() != ResultKind::error) return std::nullopt;
    Error refusal = row_error(result, "check constraints that are deferred");
    if (!is_about_values(refusal.kind())) throw refusal;
    return refusal;
}

std::optional<Error> refusal_of_deferred(Connection& target, const RelationMapping& mapping) {
    const std::optional<Error> refusal = refusal_of_deferred(target);
    if (!refusal) return std::nullopt;
    return copy_error(mapping, *refusal);
}

}  // namespace walpack
