// The SQL of many row changes of one relation and one kind: each parameter is an array, an element
// per row.
//
//   INSERT INTO t (a, b) SELECT unnest($1), unnest($2)
//   UPDATE t AS w SET b = s.v1 FROM (SELECT unnest($1) AS v1, ..) AS s WHERE w.a = s.v2
//   DELETE FROM t WHERE a = ANY ($1)
//
// Pure, as statement.h is. The rows of a batch have distinct keys, and at most one row of the
// target has a key, so that as many rows are touched as the batch has exactly when each found its
// own. SELECT unnest(..), unnest(..) instead of FROM unnest(.., ..): the latter stores each array
// as a table of its own first, which costs twice as much with thirty columns.
//
// A type that is an array itself has no array of its own that unnest() would take apart in the
// right places: its values go as text, to be cast. The cast is to the type without its modifier, as
// an explicit cast to varchar(5) would cut what an assignment refuses.
//
// Many rows to insert are cheaper as COPY, which takes the cells as they are: see copy_rows.h. It
// does what the INSERT does, but for rules, and tables where one fires have no batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apply/cell.h"
#include "apply/statement.h"
#include "schema/target_table.h"

namespace walpack {

enum class BatchKind : std::uint8_t { insert, update, remove };

struct BatchParameter {
    // Which cell of a row: the attribute; in a batch of deletes the place in the key.
    std::size_t cell = 0;
    std::uint32_t element_oid = 0;
    // An array whose cell is in binary form and must become text.
    const Attribute* array = nullptr;
};

struct BatchStatement {
    BatchKind kind = BatchKind::insert;
    std::string sql;
    std::vector<std::uint32_t> type_oids;  // of the arrays
    std::vector<BatchParameter> parameters;
    // COPY of the same columns in binary; empty when not every cell is in binary form.
    std::string copy_sql;
    // Answers with one row when it was right to send that. Unlike an INSERT with typed parameters,
    // a COPY takes the bytes of an integer for those of a float when the column was altered since,
    // and passes a new rule by. To be sent behind it, in its transaction: then the table is locked.
    std::string copy_check_sql;
    // Finds rows by all of their values: by an index if there is one, else one search for all of
    // them needs a hash join, which sessions that apply do not make otherwise.
    bool finds_whole_rows = false;
    // The same for one row, and which cell each of its parameters is.
    std::shared_ptr<const RowStatement> single;
    std::vector<std::size_t> single_cells;
    std::vector<CellForm> single_forms;
};

// How the cells of a table's columns are kept when its changes are batched; empty when a column
// cannot be part of a batch.
std::vector<CellForm> batch_forms(const RelationMapping& mapping);

// Finds rows by all of their values, each of them once, however many are equal. A cell of the old
// image is the attribute, of the new one the attribute behind all of those. `shape` is of
// update_full or delete_full.
std::shared_ptr<const BatchStatement> make_whole_row_batch(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape,
    const std::vector<CellForm>& forms);

// `key`: the attributes that find a row, as identity_of() gives them. `shape` is one without
// `replaces` that has something to write.
std::shared_ptr<const BatchStatement> make_batch_statement(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape,
    const std::vector<std::size_t>& key, const std::vector<CellForm>& forms);

}  // namespace walpack
