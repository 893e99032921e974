#include "cli/recopy.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "config/config.h"
#include "config/sql_name.h"
#include "copy/copy_catalog.h"
#include "copy/target_rows.h"
#include "pg/connection.h"
#include "quarantine/quarantine_table.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

TableName table_of(const std::string& text) {
    const auto names = parse_sql_names(text);
    if (!names || names->size() != 1 || names->front().size() != 2) {
        throw Error(ErrorKind::config, "recopy takes one table, with its schema")
            .hint("Write it as in SQL, such as public.orders or public.\"Orders\".");
    }
    return {names->front()[0], names->front()[1]};
}

// They would be changes of rows that the copy brings as they are now.
void refuse_with_held_rows(Connection& target, const std::string& pipeline, const TableName& name) {
    const std::uint64_t rows = QuarantineTable(pipeline).rows_of(target, name);
    if (rows == 0) return;
    throw Error(ErrorKind::config, fmt::format("{} rows of table \"{}.{}\" are in quarantine", rows,
                                               name.schema, name.table))
        .hint(
            "The copy brings all rows as they are at the source now: give these up first, with "
            "\"walpack quarantine discard --table\".");
}

// Its rows go first, and those that point to them with them.
void refuse_with_checked_references(Connection& target, const TableName& name) {
    const bool is_replica_role = set_up_target_session(target).is_replica_role;
    const auto table = read_target_table(target, name.schema, name.table);
    if (table) require_no_checked_references(*table, is_replica_role);
}

}  // namespace

int run_recopy(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    const TableName name = table_of(invocation.argument);
    const StopRequest stop;
    Connection target(config.target, stop, "walpack_" + config.pipeline + "_recopy");
    refuse_with_held_rows(target, config.pipeline, name);
    refuse_with_checked_references(target, name);
    if (!CopyCatalog(config.pipeline).request_again(target, name)) {
        throw Error(ErrorKind::config,
                    fmt::format("pipeline \"{}\" has not copied a table \"{}.{}\" by chunks",
                                config.pipeline, name.schema, name.table))
            .hint(
                "\"walpack status\" lists the tables while they are copied; a table that is not "
                "published yet is copied when the publication holds it.");
    }
    print(fmt::format("table {}.{} is emptied on the target and copied again by \"walpack run\"\n",
                      name.schema, name.table));
    return kExitDone;
}

}  // namespace walpack
