#include "pg/primary.h"

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {

// Neither its slots nor its position are what they will be once it is promoted.
void require_primary(Connection& source) {
    if (source.query_value("SELECT pg_catalog.pg_is_in_recovery()") != "t") return;
    throw Error(ErrorKind::connection,
                fmt::format("the source ({}) is a standby", source.description()))
        .hint(
            "It is tried again until it is promoted. To find the primary among several hosts, add "
            "target_session_attrs=read-write to \"source\".");
}

}  // namespace walpack
