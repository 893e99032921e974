#include "apply/row_execution.h"

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {

void add_parameters(const Statement& statement, const RowChange& change, const CellEncoder& encoder,
                    Parameters& out) {
    std::string bytes;
    for (const TupleField& field : statement.parameters) {
        const CellForm form = form_of(field.column->binding);
        const Value& value = value_at(change, field);
        if (value.is_unchanged_toast()) {
            throw Error(ErrorKind::protocol,
                        fmt::format("column \"{}\" has no value where one must stand",
                                    field.column->column->name));
        }
        bytes.clear();
        encoder.append(*field.column, form, value, bytes);
        const Cell cell = CellReader(bytes).next();
        if (cell.is_null()) {
            out.add_null();
        } else if (form == CellForm::text) {
            out.add_text(cell.bytes());
        } else {
            out.add_binary(cell.bytes());
        }
    }
}

Result execute_statement(Connection& session, const Statement& statement, const RowChange& change,
                         const CellEncoder& encoder) {
    Parameters parameters;
    add_parameters(statement, change, encoder, parameters);
    session.enter_pipeline();
    session.send_query(statement.sql, parameters, statement.type_oids);
    session.send_sync();
    Result result = session.next_result();
    const Result sync = session.next_result();
    session.exit_pipeline();
    if (sync.kind() != ResultKind::pipeline_sync) throw_result_error(sync, "apply a change");
    return result;
}

}  // namespace walpack
