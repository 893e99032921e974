#include "cli/diff.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/stop_request.h"
#include "cli/finding.h"
#include "cli/output.h"
#include "config/config.h"
#include "pg/connection.h"
#include "schema/published_table.h"
#include "structure/post_data.h"
#include "structure/structure_comparison.h"
#include "structure/table_definitions.h"

namespace walpack {

int run_diff(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    const StopRequest stop;
    const std::string application_name = "walpack_" + config.pipeline + "_diff";
    Connection source(config.source, stop, application_name);
    Connection target(config.target, stop, application_name);
    const std::vector<PublishedTable> published = read_published_tables(source, config.selection());
    const std::vector<TableName> tables = read_compared_tables(source, published);
    const bool with_comments = invocation.switches.contains("comments");
    std::vector<std::string> differences =
        compare_definitions(read_table_definitions(source, tables, with_comments),
                            read_table_definitions(target, tables, with_comments));
    std::string compared = counted(tables.size(), "table");
    if (config.create_schema) {
        const StructureComparison others = compare_ends(
            {config.source, source}, {config.target, target}, published, with_comments, stop);
        differences.insert(differences.end(), others.differences.begin(), others.differences.end());
        compared += " and " + counted(others.objects, "other object");
    }
    std::string text;
    for (const std::string& line : differences) text += line + '\n';
    text += differences.empty() ? compared + " equal\n"
                                : counted(differences.size(), "difference") + '\n';
    if (!config.create_schema) text += "with create_schema = false tables alone are compared\n";
    if (const std::size_t pending = PostData(target, config.pipeline).pending().size()) {
        text += fmt::format("{} still to be made after the rows were copied\n",
                            counted(pending, "object"));
    }
    print(text);
    return differences.empty() ? kExitDone : kExitFailed;
}

}  // namespace walpack
