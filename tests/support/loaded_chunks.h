// How far a copy by chunks is, as the target has it written down.
#pragma once

#include <cstdint>
#include <string>

#include "support/session.h"

namespace walpack::e2e {

// Chunks whose rows are on the target, of one table or of all; 0 before there is a copy.
inline std::int64_t count_loaded_chunks(Session& target, const std::string& table = "") {
    if (target.value("SELECT to_regclass('walpack.copy_chunk')").empty()) return 0;
    return target.number(
        "SELECT count(loaded_at) FROM walpack.copy_chunk JOIN walpack.copy_table "
        "USING (pipeline, table_oid) WHERE table_name = " +
        literal(table) + " OR " + literal(table) + " = ''");
}

}  // namespace walpack::e2e
