// What the copy knows, on the target, in schema walpack (docs/decisions/0011): written in the same
// transactions as the rows it is about, so that a restart goes on where everything stopped.
//
//   walpack.copy        a row per pipeline: transactions whose changes were dropped and that no
//                       snapshot has seen yet, as xid@LSN
//   walpack.copy_table  a row per table of the pipeline
//   walpack.copy_chunk  a row per chunk of a table that is being copied
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "copy/chunk_plan.h"
#include "copy/copy_progress.h"
#include "copy/key_order.h"
#include "copy/source_snapshot.h"
#include "copy/table_state.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "schema/published_table.h"
#include "schema/target_table.h"

namespace walpack {

struct StoredTable {
    std::uint32_t oid = 0;  // at the source
    TableName name;
    TableState state = TableState::waiting;
    ChunkMethod method = ChunkMethod::whole;
    std::vector<std::string> key_columns;  // of method key
    // Of each, with commas between them, what its bounds mean something by: ValueKind by name,
    // modifier and number of the column.
    std::string key_kinds;
    // PublishedTable::publishing from when it was cut; empty where an earlier version did that.
    std::string publishing;
    // What each snapshot must see, of a primary or of a standby.
    std::optional<SourceSnapshot> required;
    Lsn required_lsn;
    std::uint64_t rows_estimated = 0;
    std::uint64_t bytes_estimated = 0;
};

StoredTable stored_table(const PublishedTable& published, TableState state);

struct StoredChunk {
    std::uint32_t table_oid = 0;
    std::uint32_t number = 0;
    KeyRange range;
    PageRange pages;
    // Of what was loaded; nullopt before.
    std::optional<SourceSnapshot> snapshot;
    // Every transaction that the snapshot sees ends at or before it.
    Lsn settled_lsn;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    bool is_live = false;
};

// By commit LSN: xids.
using UnseenTransactions = std::map<Lsn, std::uint32_t>;

struct StoredCopy {
    // nullopt: this pipeline's tables are not ours to copy.
    std::optional<UnseenTransactions> unseen;
    // The first change that is kept for a chunk which is loaded and not live: from its commit LSN
    // on the stream is needed again.
    std::optional<Lsn> kept_from;
    std::vector<StoredTable> tables;
    std::vector<StoredChunk> chunks;  // by table and range
};

// Reading and writing by a connection of the caller's choice: the functions that return SQL are for
// statements that belong into a transaction of someone else.
class CopyCatalog {
  public:
    explicit CopyCatalog(std::string pipeline) : pipeline_(std::move(pipeline)) {}

    // Creates the tables, and this pipeline's row; harmless when they exist. Under lock_schema().
    void create(Connection& target) const;
    // To what an earlier version has created.
    static void add_missing_columns(Connection& target);
    // Whether the pipeline's tables were ever copied by chunks.
    bool is_begun(Connection& target) const;
    // The pipeline's tables, without their chunks.
    std::vector<StoredTable> tables(Connection& target) const;
    // Without tables everything is empty.
    StoredCopy read(Connection& target) const;

    // Tables that are asked for again: what a running pipeline looks for.
    std::vector<TableName> requested(Connection& target) const;
    // How far the copy of each table is, by what is committed; empty when nothing is copied by
    // chunks. Ready tables too.
    std::vector<TableFigures> figures(Connection& target) const;

    void add_table(Connection& target, const StoredTable& table) const;
    // Inside the caller's transaction: the chunks of a table, none of them loaded; state copying.
    void store_plan(Connection& target, const StoredTable& table,
                    const std::vector<StoredChunk>& chunks) const;
    // Gives the upper part of a chunk that is not loaded to another one, as one transaction; may be
    // repeated.
    void cut_chunk(Connection& target, std::uint32_t number, const StoredChunk& upper) const;
    std::string rename_table_sql(std::uint32_t table_oid, const TableName& name) const;
    // Of a table whose rows are gone: it waits again, and has no chunks.
    std::string restart_table_sql(std::uint32_t table_oid) const;
    // Of a table that is being copied, and still is when the statement is executed.
    std::string set_state_sql(std::uint32_t table_oid, TableState state) const;
    std::string set_required_sql(std::uint32_t table_oid, const SourceSnapshot& required,
                                 Lsn required_lsn) const;
    // False when it is marked already.
    [[nodiscard]] bool mark_loaded(Connection& target, const StoredChunk& chunk) const;
    std::string mark_live_sql(std::uint32_t table_oid,
                              const std::vector<std::uint32_t>& numbers) const;
    // The chunk's rows are gone: it waits again.
    std::string reset_chunk_sql(std::uint32_t table_oid, std::uint32_t number) const;
    std::string set_unseen_sql(const UnseenTransactions& unseen) const;
    std::string set_kept_from_sql(std::optional<Lsn> lsn) const;
    // A table that is complete needs no chunks any more; their figures go to the table's row. One
    // that was asked for again meanwhile stays so.
    std::string finish_table_sql(std::uint32_t table_oid) const;
    // Of a table whose rows nobody wants any more: were it published again, it would be new.
    std::string forget_table_sql(std::uint32_t table_oid) const;
    // Of a table that was made anew at the source: the new one takes its place.
    std::string follow_table_sql(std::uint32_t table_oid, std::uint32_t new_oid) const;
    // Of a table that cannot be copied again: it stays in the state that it is in.
    std::string give_up_request_sql(std::uint32_t table_oid, TableState state) const;
    std::string request_sql(std::uint32_t table_oid) const;
    // Asks the running pipeline to copy the table again; false when the pipeline does not copy a
    // table of that name.
    bool request_again(Connection& target, const TableName& name) const;

  private:
    void add_chunk(Connection& target, const StoredChunk& chunk,
                   const std::string& unless = "") const;
    std::string of_table(std::uint32_t table_oid) const;

    std::string pipeline_;
};

}  // namespace walpack
