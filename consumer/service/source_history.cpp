#include "service/source_history.h"

#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"

namespace walpack {
namespace {

Error start_over(const std::string& message, const std::string& detail) {
    return Error(ErrorKind::config, message)
        .detail(detail)
        .hint(
            "Point \"source\" to the server that has it, or start over: \"walpack drop\", empty "
            "the target tables, \"walpack init\", \"walpack run\".");
}

}  // namespace

void require_primary(Connection& source) {
    if (source.query_value("SELECT pg_catalog.pg_is_in_recovery()") != "t") return;
    throw Error(ErrorKind::connection,
                fmt::format("the source ({}) is a standby", source.description()))
        .hint(
            "It is tried again until it is promoted. To find the primary among several hosts, add "
            "target_session_attrs=read-write to \"source\".");
}

SourceHistory read_source_history(ReplicationConnection& replication) {
    const auto identity = replication.identify_system();
    SourceHistory source{identity.system_identifier, identity.timeline, identity.flush_lsn, {}};
    if (source.timeline > 1)
        source.ended = parse_timeline_history(replication.timeline_history(source.timeline));
    return source;
}

void require_history(const SourceHistory& source, const KnownPosition& position) {
    if (!position.lsn.is_valid()) return;
    if (position.timeline && position.timeline != source.timeline) {
        const auto reason =
            why_not_in_history({*position.timeline, position.lsn}, source.timeline, source.ended);
        if (reason) throw start_over("the source has another history than the target", *reason);
        log::warning("the source has changed from timeline {} to {}, after all that was applied",
                     *position.timeline, source.timeline);
    }
    if (source.flush_lsn >= position.lsn) return;
    throw start_over(
        fmt::format("the source has written up to {} only, and the target has applied up to {}",
                    source.flush_lsn.to_string(), position.lsn.to_string()),
        "The source may have been restored from an older copy of its disk: the target may hold "
        "transactions that the source does not have.");
}

}  // namespace walpack
