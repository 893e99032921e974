// The mapping rules of schema/target_table.h: by name, with every misfit said at once.
#include <algorithm>

#include <fmt/format.h>

#include "schema/column_fit.h"
#include "schema/target_table.h"

namespace walpack {
namespace {

// A column that is computed at both ends is never written, so it needs to fit only where it finds
// rows.
bool needs_no_fit(const Attribute& attribute, const TargetColumn& column,
                  const TargetTable& table) {
    const bool is_computed = attribute.is_generated && column.is_generated;
    const bool is_key = attribute.is_key || std::ranges::find(table.key_columns, column.name) !=
                                                table.key_columns.end();
    return is_computed && !is_key;
}

// The sentence that says why the column cannot take the attribute's values; empty when it can.
std::string problem_of(const Attribute& attribute, const TargetColumn* column,
                       const TargetTable& table) {
    if (column == nullptr) {
        return fmt::format("column \"{}\" does not exist on the target", attribute.name);
    }
    if (needs_no_fit(attribute, *column, table)) return "";
    if (column->is_generated && !attribute.is_generated) {
        return fmt::format("column \"{}\" is generated on the target and cannot take values",
                           attribute.name);
    }
    if (!fit_column(attribute, *column)) {
        return fmt::format(
            "column \"{}\" has type {} at the source and {} on the target, which cannot take every "
            "value",
            attribute.name, type_display(attribute), column->declared_type);
    }
    if (rounds(attribute, *column)) {
        return fmt::format(
            "column \"{}\" has type {} at the source and {} on the target, which would round "
            "or cut values",
            attribute.name, type_display(attribute), column->declared_type);
    }
    return "";
}

bool is_mapped(const RelationMapping& mapping, const TargetColumn& column) {
    for (const ColumnMapping& mapped : mapping.columns) {
        if (mapped.column == &column) return true;
    }
    return false;
}

void check_extra_columns(RelationMapping& mapping) {
    for (const TargetColumn& column : mapping.table->columns) {
        const bool fills_itself = column.has_default || column.is_generated || !column.is_not_null;
        if (fills_itself || is_mapped(mapping, column)) continue;
        bool is_at_source = false;  // then its own problem stands in the list already
        for (const Attribute& attribute : mapping.relation->attributes) {
            is_at_source = is_at_source || attribute.name == column.name;
        }
        if (is_at_source) continue;
        mapping.problems.push_back(fmt::format(
            "column \"{}\" of the target is NOT NULL without a default, and the source has no "
            "such column",
            column.name));
    }
}

}  // namespace

RelationMapping map_relation(std::shared_ptr<const Relation> relation,
                             std::shared_ptr<const TargetTable> table) {
    RelationMapping mapping;
    mapping.relation = std::move(relation);
    mapping.table = std::move(table);
    const auto& attributes = mapping.relation->attributes;
    for (std::size_t index = 0; index < attributes.size(); ++index) {
        const Attribute& attribute = attributes[index];
        const TargetColumn* column = mapping.table->find(attribute.name);
        const std::string problem = problem_of(attribute, column, *mapping.table);
        if (!problem.empty()) {
            mapping.problems.push_back(problem);
            continue;
        }
        const ColumnFit fit =
            fit_column(attribute, *column).value_or(ColumnFit{Binding::text, attribute.kind});
        ColumnMapping mapped{index, column, fit.binding, attribute};
        mapped.sent_as.kind = fit.kind;
        mapped.cuts_blanks_beyond = cuts_blanks_beyond(attribute, *column);
        mapping.columns.push_back(std::move(mapped));
    }
    check_extra_columns(mapping);
    return mapping;
}

}  // namespace walpack
