// One statement about one row, by itself: sent, answered, judged. For a session outside of
// pipelines.
#pragma once

#include <memory>
#include <string>

#include "apply/cascades.h"
#include "apply/cell.h"
#include "apply/refused_row.h"
#include "apply/statement.h"
#include "apply/table_plan.h"
#include "model/record.h"
#include "pg/connection.h"

namespace walpack {

// A change on its way to the target, alone. The change's values belong to someone else.
struct ReplayRow {
    RowChange change;
    std::shared_ptr<TablePlan> plan;
    Expected expected = Expected::one_row;
    RowOrigin origin;
};

// The values of the statement's parameters. Throws as CellEncoder and
// value_to_send() do.
void add_parameters(const Statement& statement, const RowChange& change, const CellEncoder& encoder,
                    Parameters& out);

// The answer, which may be an error. Inside a transaction block, which then has failed. `before`: a
// command that goes with it, unless empty, and must not fail.
Result execute_statement(Connection& session, const Statement& statement, const RowChange& change,
                         const CellEncoder& encoder, const std::string& before = "");

}  // namespace walpack
