// The SQL of one row change: text, parameter types, and where each parameter's value comes from.
//
// Pure: no connection, so that the texts are tested as such. A statement depends on the shape of a
// change only, never on values; changes of one shape share one prepared statement. Statements for
// many rows are in batch_statement.h. A statement touches exactly one row when target and source
// agree: an INSERT stores one, an UPDATE or DELETE finds its row by the replica identity. Under
// REPLICA IDENTITY FULL the target's own key is used when the relation fills it; without one
// exactly one of the equal rows is taken, and "equal" is exact: 1.0 is not 1.00, NULL equals NULL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/record.h"
#include "schema/target_table.h"

namespace walpack {

// Where a value stands in a change. `position` counts in that tuple: key tuples hold key
// attributes only.
struct TupleField {
    enum class Side : std::uint8_t { old_tuple, new_tuple };
    Side side = Side::new_tuple;
    std::size_t position = 0;
    const ColumnMapping* column = nullptr;
};

const Value& value_at(const RowChange& change, const TupleField& field);
// The same for a parameter. Throws when it is unchanged TOAST, which has no value: Error(value) for
// an INSERT, where a row filter can bring that about, else Error(protocol).
const Value& value_to_send(const RowChange& change, const TupleField& field);

// What changes of one relation must have in common to share a statement.
struct StatementShape {
    ChangeKind kind = ChangeKind::insert;
    // An UPDATE that changes a GENERATED ALWAYS AS IDENTITY column of the target, which SQL cannot:
    // DELETE and INSERT in one statement.
    bool replaces = false;
    // One character per attribute, '1' for unchanged TOAST; empty when all values are there.
    std::string unchanged;
    // Where only the whole row identifies: the same for old values that are NULL.
    std::string nulls;
    // Whatever the mapping's guards say.
    bool is_unguarded = false;
    // `replaces` may be true: the change does not tell that column's old value. The row is updated
    // where it has the new value already, and replaced where not.
    bool may_replace = false;
    // The target may have given the row its new key by itself. It is found by that where no row has
    // the old one.
    bool may_be_moved = false;
};

// Whether a mask marks the attribute.
bool is_marked(const std::string& mask, std::size_t attribute);

StatementShape shape_of(const RelationMapping& mapping, const RowChange& change,
                        bool may_be_moved = false);

struct Statement {
    std::string sql;
    std::vector<std::uint32_t> type_oids;
    std::vector<TupleField> parameters;  // $1, $2, ...
};

// Throws Error(schema) when nothing identifies the row of an update or delete.
Statement make_statement(const RelationMapping& mapping, const StatementShape& shape);

// For a look at a row that was refused. Both read the row that the change is about, as the change's
// own statement finds it: where it is (tableoid, ctid), locked.
Statement make_row_lock(const RelationMapping& mapping, const StatementShape& shape);
// The row that an INSERT or UPDATE would make, before columns are generated: every other column of
// the table, and "<prefix>tableoid" and "<prefix>ctid" of the row before it, NULL for an INSERT. A
// column that the source does not know has its value of `defaults`, or NULL.
Statement make_new_row(const RelationMapping& mapping, const StatementShape& shape,
                       const std::string& prefix,
                       const std::map<std::string, std::string>& defaults);

// The fields that identify the change's row on the target: by them it is found, and named in
// errors. Empty for an INSERT into a table without key, and where only the whole row identifies.
std::vector<TupleField> identity_of(const RelationMapping& mapping, ChangeKind kind);

// Whether an update of this shape sets the column.
bool is_set_by(const RelationMapping& mapping, const StatementShape& shape,
               const ColumnMapping& column);
// Or one that is not in `key`.
bool sets_beside(const RelationMapping& mapping, const StatementShape& shape,
                 const std::vector<std::size_t>& key);

bool is_update(ChangeKind kind);

// Of an update, or of a delete.
const std::string& guard_of(const RelationMapping& mapping, ChangeKind kind);

// Found by the old values of all columns, or of the target's key among them.
bool is_by_whole_row(ChangeKind kind);

// What an INSERT into the table must say between its columns and its values; empty or with a blank
// before it.
std::string_view overriding_clause(const RelationMapping& mapping);

// Two values are the same, bit for bit.
bool is_same_value(const Value& left, const Value& right);

// A statement with what it belongs to.
struct RowStatement {
    Statement statement;
    StatementShape shape;
    std::shared_ptr<const RelationMapping> mapping;
    std::vector<TupleField> identity;  // names the row in errors
    // The same, made to fail on the server unless it touches exactly one row. An INSERT as well: a
    // trigger or rule that diverts its row may be younger than what we know of the table.
    std::string checked_sql;
    // It can be followed by COMMIT before its answer was read: a wrong outcome is an error.
    bool can_be_checked = false;
};

std::shared_ptr<const RowStatement> make_row_statement(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape);

}  // namespace walpack
