#include "apply/row_execution.h"

namespace walpack {

void add_parameters(const Statement& statement, const RowChange& change, const CellEncoder& encoder,
                    Parameters& out) {
    std::string bytes;
    for (const TupleField& field : statement.parameters) {
        const CellForm form = form_of(field.column->binding);
        const Value& value = value_to_send(change, field);
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
                         const CellEncoder& encoder, const std::string& before) {
    Parameters parameters;
    add_parameters(statement, change, encoder, parameters);
    Parameters none;
    session.enter_pipeline();
    if (!before.empty()) session.send_query(before, none);
    session.send_query(statement.sql, parameters, statement.type_oids);
    session.send_sync();
    if (!before.empty()) {
        const Result first = session.next_result();
        if (first.kind() == ResultKind::error) throw_result_error(first, "apply a change");
    }
    Result result = session.next_result();
    const Result sync = session.next_result();
    session.exit_pipeline();
    if (sync.kind() != ResultKind::pipeline_sync) throw_result_error(sync, "apply a change");
    return result;
}

}  // namespace walpack
