#include "copy/copy_error.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/sqlstate.h"
#include "pg/error_kind.h"

namespace walpack {
namespace {

// Quoted parts are values, but for those of violated constraints, which are names.
std::string without_quoted(std::string_view text) {
    std::string out;
    bool is_quoted = false;
    for (const char c : text) {
        if (!is_quoted) out += c;
        if (c != '"') continue;
        if (is_quoted) out += "...\"";
        is_quoted = !is_quoted;
    }
    return out;
}

std::string without_values(const Error& error) {
    // These show the character's bytes.
    if (error.sqlstate() == kUntranslatableCharacter)
        return "a character has no equivalent in the encoding of the target";
    if (error.sqlstate() == kCharacterNotInRepertoire)
        return "a value is not valid in its encoding";
    const std::string message = error.message();
    const std::string head = message.substr(0, message.find(": \""));
    return error.sqlstate().starts_with("23") ? head : without_quoted(head);
}

bool is_column(const RelationMapping& mapping, const std::string& name) {
    return std::ranges::any_of(mapping.columns, [&name](const ColumnMapping& column) {
        return column.column->name == name;
    });
}

// Of the columns for which the source looks: see columns_at_source().
std::string columns_that_cut(const RelationMapping& mapping) {
    std::string names;
    for (const ColumnMapping& column : mapping.columns) {
        if (column.cuts_blanks_beyond == 0) continue;
        names += fmt::format("{}\"{}\" ({})", names.empty() ? "" : ", ", column.column->name,
                             column.column->declared_type);
    }
    return names;
}

}  // namespace

Error copy_error(const RelationMapping& mapping, const Error& error) {
    const std::string cut = columns_that_cut(mapping);
    if (!cut.empty() && error.sqlstate() == kDatetimeFieldOverflow)
        return Error(ErrorKind::schema,
                     fmt::format("copy of \"{}\" failed: a value ends in blanks that the target "
                                 "would cut in silence",
                                 mapping.relation->qualified_name()))
            .detail(fmt::format("Of column {} on the target.", cut))
            .hint("Widen the column on the target.");
    const std::string place =
        is_column(mapping, error.column()) ? fmt::format(", column \"{}\"", error.column()) : "";
    const std::string reason =
        is_about_values(error.kind()) ? without_values(error) : error.message();
    return Error(error.kind(), fmt::format("copy of \"{}\" failed{}: {}",
                                           mapping.relation->qualified_name(), place, reason))
        .sqlstate(error.sqlstate())
        .column(error.column())
        .hint(error.hint());
}

Error another_table(const TableName& name) {
    return Error(ErrorKind::repeat,
                 fmt::format("table \"{}.{}\" was renamed, made anew or is not published any more; "
                             "the copy is taken up again",
                             name.schema, name.table));
}

}  // namespace walpack
