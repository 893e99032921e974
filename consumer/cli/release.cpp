#include "cli/release.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/skip.h"
#include "config/config.h"
#include "pg/connection.h"
#include "progress/request_table.h"

namespace walpack {
namespace {

std::optional<HeldTransaction> read_held(Connection& target, const std::string& pipeline) {
    if (!RequestTable::is_readable(target)) return std::nullopt;
    return RequestTable(pipeline).read_held(target);
}

}  // namespace

int run_release(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    std::optional<Lsn> lsn;
    if (invocation.options.contains("lsn")) lsn = read_lsn(invocation.options.at("lsn"));
    const StopRequest stop;
    Connection target(config.target, stop, "walpack_" + config.pipeline + "_release");
    const auto held = read_held(target, config.pipeline);
    if (!held) {
        throw Error(ErrorKind::config,
                    fmt::format("pipeline \"{}\" holds no transaction", config.pipeline));
    }
    const TransactionSummary& transaction = held->transaction;
    if (lsn && *lsn != transaction.commit_lsn && *lsn != transaction.end_lsn) {
        throw Error(ErrorKind::config,
                    fmt::format("pipeline \"{}\" holds another transaction", config.pipeline))
            .detail(fmt::format("It commits at {}.", transaction.commit_lsn.to_string()));
    }
    RequestTable(config.pipeline).add_release(target, transaction.commit_lsn);
    print(fmt::format("transaction {} at {} is applied by \"walpack run\": {}{}\n", transaction.xid,
                      transaction.commit_lsn.to_string(), held->is_counted ? "" : "at least ",
                      transaction.describe()));
    return kExitDone;
}

}  // namespace walpack
