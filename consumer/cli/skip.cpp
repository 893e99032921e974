#include "cli/skip.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "config/config.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "progress/request_table.h"

namespace walpack {
namespace {

Lsn written_lsn(Connection& source) {
    const auto written = source.query_value(
        "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
        "ELSE pg_catalog.pg_current_wal_flush_lsn() END");
    return Lsn::parse(written.value_or("")).value_or(Lsn{});
}

void require_ahead(Lsn lsn, const std::optional<ProgressRow>& progress, const Config& config) {
    if (!progress || !progress->applied_lsn.is_valid()) {
        throw Error(ErrorKind::config,
                    fmt::format("pipeline \"{}\" has no position yet, so nothing can be left out",
                                config.pipeline))
            .hint("Run \"walpack init\" and \"walpack run\" first.");
    }
    if (lsn >= progress->applied_lsn) return;
    throw Error(ErrorKind::config, fmt::format("LSN {} lies before the applied position {}",
                                               lsn.to_string(), progress->applied_lsn.to_string()))
        .hint("What is applied cannot be left out any more.");
}

void require_written(Lsn lsn, Lsn written) {
    if (lsn <= written) return;
    throw Error(ErrorKind::config,
                fmt::format("LSN {} lies behind everything that the source has written, up to {}",
                            lsn.to_string(), written.to_string()))
        .hint("Give the LSN of a transaction that is committed.");
}

}  // namespace

Lsn read_lsn(const std::string& text) {
    const std::optional<Lsn> lsn = Lsn::parse(text);
    if (lsn && lsn->is_valid()) return *lsn;
    throw Error(ErrorKind::config, "the value of --lsn is not an LSN")
        .hint("Write it as the server does, such as 16/B374D848.");
}

int run_skip(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    if (!invocation.options.contains("lsn")) {
        throw Error(ErrorKind::config, "skip takes the LSN of a transaction")
            .hint("Give the one that the error names, with --lsn.");
    }
    const Lsn lsn = read_lsn(invocation.options.at("lsn"));
    const StopRequest stop;
    const std::string application_name = "walpack_" + config.pipeline + "_skip";
    Connection target(config.target, stop, application_name);
    require_ahead(lsn, Progress(target, config.pipeline).read(), config);
    Connection source(config.source, stop, application_name);
    require_written(lsn, written_lsn(source));
    if (!RequestTable::ensure(target)) {
        throw Error(ErrorKind::config, "the target has no table walpack.request that may be used")
            .hint("Run it as the owner of schema walpack, or grant the role the right to it.");
    }
    const bool is_new = RequestTable(config.pipeline).add_skip(target, lsn);
    print(
        fmt::format("the transaction that commits or ends at {} is left out by \"walpack run\"{}\n",
                    lsn.to_string(), is_new ? "" : ", as was asked before"));
    return kExitDone;
}

}  // namespace walpack
