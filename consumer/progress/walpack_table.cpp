#include "progress/walpack_table.h"

namespace walpack {

bool has_walpack_table(Connection& target, const std::string& name) {
    return target
        .query_value(
            "SELECT 1 FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'walpack' AND c.relname = $1",
            {name})
        .has_value();
}

}  // namespace walpack
