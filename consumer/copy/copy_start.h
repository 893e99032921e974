// The begin of a copy, and its continuation after a restart: fills CopyTables from the publications
// and from what the target has stored.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "copy/copy_tables.h"
#include "copy/refused_copy_rows.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "progress/progress.h"
#include "schema/published_table.h"

namespace walpack {

struct CopyStartOptions {
    Conninfo source;
    TableSelection selection;
    std::string pipeline;
    bool empties_tables = false;  // rows that a table has before its copy are deleted
    // Everything behind it can be had from the stream.
    Lsn available_from = {};
    RefusedCopyRows* refused_rows = nullptr;  // nullptr: nobody holds any
};

// By a temporary slot with plugin walpack, which is gone on return; waits until every transaction
// that writes at the call has ended, and tells the log for which. `source` is an ordinary session,
// not in a transaction.
ExactSnapshot take_exact_snapshot(const CopyStartOptions& options, Connection& source,
                                  const StopRequest& stop);

// The plan of a table that was cut already, without its parts. It must be cut alike.
ChunkPlan stored_plan(const StoredTable& stored, const Relation& relation);

// Notes by which attributes of the relation a table is cut.
void note_key(const PublishedTable& published, const std::vector<std::size_t>& attributes,
              StoredTable& stored);

// Why the copy of a table that was cut must begin again, for people; nullptr where it can go on:
// the same is published of it, and it could still be cut by the same columns, whose stored bounds
// still mean the same. `source` as for plan_chunks().
const char* why_begin_again(Connection& source, const StoredTable& stored,
                            const PublishedTable& published);

// Whether the copy can go by chunks: not where the target checks foreign keys between the tables,
// as no order of chunks satisfies them.
bool can_copy_by_chunks(const std::vector<RelationMapping>& mappings, bool is_replica_role);

// Stores the pipeline's tables, all of them waiting, and the position at which the stream begins,
// in one transaction of `target`, which empties those that are not empty if they may be. Returns
// the position.
Lsn begin_copy(const CopyStartOptions& options, Connection& source, Connection& target,
               Progress& progress, const std::vector<PublishedTable>& published,
               const StopRequest& stop);

// Takes up what is stored of a copy that was begun, and whose earlier sessions have ended. Tables
// that are not ready are looked at again on both sides; parts of a table whose snapshot is lost are
// taken back, and so are tables of whose chunks kept changes cannot be had again.
void resume_copy(const CopyStartOptions& options, Connection& source, Connection& target,
                 CopyTables& tables);

// The source lost what it had written behind `end` when it was promoted: tables are requested again
// of whose chunks a snapshot may have seen some of that. Before the copy is taken up, when its
// earlier sessions have ended.
void request_beyond(const std::string& pipeline, Connection& target, Lsn end);

// A chunk is loaded and not live: its changes from before the position are needed again.
bool needs_replay(const CopyTables& tables);

}  // namespace walpack
