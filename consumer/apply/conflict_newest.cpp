// ConflictResolution: which of two rows is the newer one.
#include <algorithm>

#include <fmt/format.h>

#include "apply/conflict_resolution.h"
#include "base/text.h"

namespace walpack {

// A deleted row has no value to be compared.
std::string ConflictResolution::newest_column(const ReplayRow& row) const {
    const TargetTable& table = row.plan->table();
    return row.change.new_tuple.empty() ? "" : policies_.newest_column({table.schema, table.name});
}

// Why policy newest cannot decide.
std::optional<Error> ConflictResolution::undecided(const ReplayRow& row) const {
    if (row.origin.xid != 0 || !newest_column(row).empty()) return std::nullopt;
    const bool is_delete = row.change.new_tuple.empty();
    return Error(ErrorKind::conflict,
                 fmt::format("policy newest cannot decide about a row of \"{}\"",
                             row.plan->relation().qualified_name()))
        .detail("The time of its commit is not known any more, as its chunk was being copied.")
        .hint(is_delete ? "Set another policy until the table is copied, then start again."
                        : "Set newest_column for the table, or another policy, then start again.")
        .at_lsn(row.origin.commit_lsn.to_string());
}

bool ConflictResolution::is_newest(Connection& session, const ReplayRow& row,
                                   const RowsInTheWay& found) {
    const RelationMapping& mapping = *row.plan->mapping();
    const std::string name = newest_column(row);
    Statement statement;
    std::string condition = fmt::format(
        "COALESCE(pg_catalog.pg_xact_commit_timestamp(xmin) <= "
        "'2000-01-01 00:00:00+00'::pg_catalog.timestamptz + "
        "{}::pg_catalog.float8 * '1 microsecond'::pg_catalog.interval, true)",
        row.origin.commit_time);
    for (const ColumnMapping& column : mapping.columns) {
        if (name.empty() || column.column->name != name) continue;
        const std::string quoted = quote_identifier(name);
        condition = fmt::format("{0} IS NULL OR COALESCE($1 >= {0}, false)", quoted);
        statement.parameters.push_back({TupleField::Side::new_tuple, column.attribute, &column});
        statement.type_oids.push_back(column.column->type_oid);
    }
    return std::ranges::all_of(found.rows, [&](const auto& each) {
        statement.sql = fmt::format("SELECT {} FROM {} WHERE {}", condition,
                                    mapping.table->sql_name_of_rows(), is_at(each.first));
        const Result result = execute_statement(session, statement, row.change, encoder_);
        if (result.kind() == ResultKind::error) throw_result_error(result, "compare two rows");
        return result.rows() == 1 && result.value(0, 0) == "t";
    });
}

}  // namespace walpack
