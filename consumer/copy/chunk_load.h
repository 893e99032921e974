// Rows of one chunk: COPY out of a source session, whose transaction has the snapshot, into the
// open transaction of a target session.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_request.h"
#include "copy/chunk_key.h"
#include "copy/chunk_plan.h"
#include "copy/key_order.h"
#include "model/relation.h"
#include "pg/connection.h"
#include "schema/published_table.h"
#include "schema/target_table.h"

namespace walpack {

// A column by whose ranges a table is cut.
struct LoadKey {
    KeyOperand operand;  // at the source
    // Of its values at the source.
    ValueKind kind = ValueKind::text;
    const ColumnMapping* mapping = nullptr;
};

// What is the same for all chunks of a table. Immutable; threads share it.
struct TableLoad {
    std::shared_ptr<const PublishedTable> published;
    std::shared_ptr<const RelationMapping> mapping;
    bool is_binary = false;
    std::string format_reason;     // why not binary; empty when it is
    std::string copy_in_sql;       // COPY t (columns) FROM STDIN ...; empty without any column
    std::string selected_columns;  // of the source, as COPY (SELECT ...) needs them
    std::vector<LoadKey> keys;     // of method key; they point into `mapping`

    std::vector<std::size_t> key_attributes() const;  // of the published relation
};

// Binary when the binary form of every column that is written means the same on the target (same
// kind and type, see Binding), else text.
TableLoad make_table_load(const std::shared_ptr<const PublishedTable>& published,
                          const std::shared_ptr<const RelationMapping>& mapping,
                          const ChunkPlan& plan);

// SELECT for the rows of a range, with the publication's row filter and columns.
std::string select_rows_sql(const TableLoad& load, const KeyRange& range);
std::string select_rows_sql(const TableLoad& load, const PageRange& pages);

// The condition that finds a range's rows on the target: "key >= .. AND key < ..", or "true". The
// target's own order of text is not the source's, so text is compared by its bytes in the session's
// client_encoding, which must be the source's encoding: without an index.
std::string range_condition_on_target(const TableLoad& load, const KeyRange& range);

// The same condition on values by themselves: SQL about $1, $2, .., which are the texts of a row's
// key columns. Where is_ordered_by_bytes() it is the key's bytes, as bytea's text. Empty for a
// range without bounds.
std::string range_condition_on_values(const TableLoad& load, const KeyRange& range);
bool is_ordered_by_bytes(const TableLoad& load);

struct LoadedRows {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    // The target refuses one of the rows: what it says, as copy_error() words it. Its transaction
    // is of no more use then; both sessions are.
    std::optional<Error> refusal;
};

// Told of every piece that was handed on: rows and bytes since the last call. It may wait, to hold
// a rate, and may throw.
using OnPiece = std::function<void(std::uint64_t rows, std::uint64_t bytes)>;

// `select` from select_rows_sql(). Throws with the table, never with a value, what is no row's
// fault: then one session may still be within COPY, so close both.
LoadedRows load_rows(const TableLoad& load, const std::string& select, Connection& source,
                     Connection& target, const OnPiece& on_piece, const StopRequest& stop);

// Pins the settings of a session that reads rows: text forms as the stream has them, no time
// limits, no row security in silence.
void set_up_source_session(Connection& source);

}  // namespace walpack
