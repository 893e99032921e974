#include "quarantine/found_row.h"

#include <fmt/format.h>

#include "apply/row_condition.h"
#include "apply/statement.h"
#include "base/error.h"
#include "base/text.h"
#include "model/value_text.h"

namespace walpack {
namespace {

// Empty when a value of the key has no text.
std::string condition_of(const RefusedRow& row) {
    std::string condition;
    for (const TupleField& field : identity_of(*row.mapping, row.change.kind)) {
        const Value& value = value_at(row.change, field);
        if (value.is_null() || value.is_unchanged_toast()) return "";
        const auto text = to_text(field.column->sent_as, value);
        if (!text) return "";
        const TargetColumn& column = *field.column->column;
        const std::string constant =
            fmt::format("CAST({} AS {})", quote_literal(*text), column.declared_type);
        condition += (condition.empty() ? "" : " AND ") + key_equals(column, constant);
    }
    return condition;
}

HeldTuple read(const std::string& sql, const std::vector<std::string>& columns,
               Connection& session) {
    const Result result = session.execute(sql);
    HeldTuple found;
    for (std::size_t index = 0; index < columns.size(); ++index) {
        const int column = static_cast<int>(index);
        HeldValue value;
        if (result.rows() > 0 && !result.is_null(0, column))
            value = {HeldValue::Form::text, std::string(result.value(0, column))};
        found.push_back({columns[index], std::move(value)});
    }
    return found;
}

}  // namespace

HeldTuple find_target_row(const RefusedRow& row, const std::vector<std::string>& columns,
                          Connection& session) {
    if (columns.empty() || row.mapping == nullptr) return {};
    const std::string condition = condition_of(row);
    if (condition.empty()) return {};
    std::string list;
    // Without a cast to text, which for some types gives another text than their output does.
    for (const std::string& column : columns)
        list += (list.empty() ? "" : ", ") + quote_identifier(column);
    const std::string sql = fmt::format("SELECT {} FROM {} WHERE {} LIMIT 1", list,
                                        row.mapping->table->sql_name_of_rows(), condition);
    session.execute("SAVEPOINT walpack_found");
    HeldTuple found;
    try {
        found = read(sql, columns, session);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::cancelled) throw;
        session.execute("ROLLBACK TO SAVEPOINT walpack_found");
    }
    session.execute("RELEASE SAVEPOINT walpack_found");
    return found;
}

}  // namespace walpack
