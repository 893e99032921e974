#include "cli/recopy.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "config/config.h"
#include "config/sql_name.h"
#include "copy/copy_catalog.h"
#include "pg/connection.h"

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

}  // namespace

int run_recopy(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    const TableName name = table_of(invocation.argument);
    const StopRequest stop;
    Connection target(config.target, stop, "walpack_" + config.pipeline + "_recopy");
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
