#include "quarantine/held_row_apply.h"

#include <algorithm>

#include <fmt/format.h>

#include "apply/statement.h"
#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "model/value_binary.h"

namespace walpack {
namespace {

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The server knows how to read the source's encoding.
void convert(Connection& target, const std::string& encoding, HeldTuple& tuple) {
    for (HeldColumn& column : tuple) {
        const bool is_foreign =
            column.value.form == HeldValue::Form::text && !is_ascii(column.value.bytes);
        if (!is_foreign) continue;
        column.value.bytes =
            target
                .query_value("SELECT pg_catalog.convert_from(pg_catalog.decode($1, 'hex'), $2)",
                             {to_hex(column.value.bytes), encoding})
                .value_or("");
    }
}

void add_parameter(Parameters& parameters, const RowChange& change, const TupleField& field) {
    const Value& value = value_at(change, field);
    if (value.is_null()) return parameters.add_null();
    if (value.is_unchanged_toast()) {
        throw Error(ErrorKind::value, fmt::format("column \"{}\" has no value where one must stand",
                                                  field.column->column->name));
    }
    if (field.column->binding == Binding::text) return parameters.add_text(value.bytes);
    std::string bytes(value.bytes);
    if (field.column->binding == Binding::binary_array)
        set_array_element_oid(bytes, field.column->column->element_oid);
    parameters.add_binary(bytes);
}

Result execute(Connection& target, const Statement& statement, Parameters& parameters) {
    target.enter_pipeline();
    target.send_query(statement.sql, parameters, statement.type_oids);
    target.send_sync();
    Result result = target.next_result();
    target.next_result();  // the sync
    target.exit_pipeline();
    return result;
}

bool is_delete(ChangeKind kind) {
    return kind == ChangeKind::delete_key || kind == ChangeKind::delete_full ||
           kind == ChangeKind::delete_none;
}

std::string kind_of(std::string_view sqlstate, ChangeKind change) {
    if (sqlstate != kUniqueViolation && sqlstate != kExclusionViolation) return "value";
    return change == ChangeKind::insert ? "insert_exists" : "update_exists";
}

HeldRowFailure refused(const Result& result, ChangeKind change) {
    const std::string sqlstate = result.sqlstate();
    const ErrorKind kind = row_error_kind_of(result);
    if (kind == ErrorKind::connection || kind == ErrorKind::cancelled)
        throw_result_error(result, "apply a row of the quarantine");
    return {kind_of(sqlstate, change), sqlstate, result.primary_message(), result.constraint_name(),
            result.column_name()};
}

std::optional<HeldRowFailure> wrong_count(std::uint64_t rows, ChangeKind change) {
    if (change == ChangeKind::insert)
        return HeldRowFailure{"value", "", fmt::format("{} rows were stored", rows), "", ""};
    if (rows > 1)
        return HeldRowFailure{"value", "", fmt::format("{} rows were found", rows), "", ""};
    const char* kind = is_delete(change) ? "delete_missing" : "update_missing";
    return HeldRowFailure{kind, "", "the row does not exist on the target", "", ""};
}

std::optional<HeldRowFailure> apply(Connection& target, HeldRow row,
                                    std::shared_ptr<const TargetTable> table,
                                    bool is_replica_role) {
    if (row.encoding != "UTF8") {
        convert(target, row.encoding, row.new_row);
        convert(target, row.encoding, row.old_row);
    }
    const bool may_be_cascaded =
        !is_replica_role && is_delete(row.change) && !table->cascades_from.empty();
    const bool may_be_moved = !is_replica_role && !(table->changed_by_updates_of.empty() &&
                                                    table->changed_by_deletes_of.empty());
    const HeldChange held(row, true);
    const auto mapping = held.map(std::move(table));
    const Statement statement =
        make_statement(*mapping, shape_of(*mapping, held.change(), may_be_moved));
    Parameters parameters;
    for (const TupleField& field : statement.parameters)
        add_parameter(parameters, held.change(), field);
    const Result result = execute(target, statement, parameters);
    if (result.kind() == ResultKind::error) return refused(result, row.change);
    const std::uint64_t rows = result.affected_rows();
    if (rows == 1 || (rows == 0 && may_be_cascaded)) return std::nullopt;
    return wrong_count(rows, row.change);
}

// As a value: what cannot be made into a statement fails as what the target refuses does.
std::optional<HeldRowFailure> try_apply(Connection& target, const HeldRow& row,
                                        std::shared_ptr<const TargetTable> table,
                                        bool is_replica_role) {
    try {
        return apply(target, row, std::move(table), is_replica_role);
    } catch (const Error& error) {
        const bool is_of_row = error.kind() == ErrorKind::value ||
                               error.kind() == ErrorKind::schema ||
                               error.kind() == ErrorKind::conflict;
        if (!is_of_row) throw;
        const char* kind = error.kind() == ErrorKind::schema ? "missing_column" : "value";
        return HeldRowFailure{kind, error.sqlstate(), error.message(), "", error.column()};
    }
}

}  // namespace

std::optional<HeldRowFailure> apply_held_row(Connection& target, const HeldRow& row,
                                             std::shared_ptr<const TargetTable> table,
                                             bool is_replica_role) {
    if (table == nullptr)
        return HeldRowFailure{"missing_table", "", "the table does not exist on the target", "",
                              ""};
    target.execute("SAVEPOINT walpack_held");
    auto failure = try_apply(target, row, std::move(table), is_replica_role);
    if (failure) target.execute("ROLLBACK TO SAVEPOINT walpack_held");
    target.execute("RELEASE SAVEPOINT walpack_held");
    return failure;
}

}  // namespace walpack
