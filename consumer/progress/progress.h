// The position of a pipeline, kept on the target in the same transactions as the rows: schema
// walpack, table progress. What the consumer tells of its speed stands beside it (activity.h).
//
//   walpack.progress (pipeline text, worker int, applied_lsn pg_lsn, source_system_identifier
//   numeric, ...), one row per pipeline and worker (one worker now). Plain table, ordinary
//   privileges.
//
// Two guards make a second applier harmless: a session advisory lock for the pipeline, taken before
// the position is read (it waits for a dying backend of a killed consumer to end), and a
// compare-and-set in every update, which fails on the server when the row does not hold the LSN
// this session expects.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

struct ProgressRow {
    // Invalid until the initial copy is complete: then there is nothing to stream from.
    Lsn applied_lsn;
    std::uint64_t source_system_identifier = 0;
    std::string slot;
    bool copy_is_complete = false;
    // The source's, when it was last streamed from; nullopt while it is not known.
    std::optional<std::uint32_t> timeline;
};

// Several pipelines may make their tables in schema walpack at the same moment: until the end of
// the open transaction only this one does.
void lock_schema(Connection& target);

class Progress {
  public:
    Progress(Connection& target, std::string pipeline);

    // Creates schema, tables and this pipeline's row; harmless when they exist. Throws
    // Error(config) when the row exists for another source system or slot.
    void create(std::uint64_t source_system_identifier, const std::string& slot);
    // Removes the row, and tables and schema when no other pipeline is left.
    void drop();
    // nullopt when init was not run for the pipeline (no schema, no table or no row).
    std::optional<ProgressRow> read() const;
    // Waits until no other session applies this pipeline. Throws Error(connection) after `timeout`.
    void lock(std::chrono::milliseconds timeout);

    // What was read survives a crash of the target: whoever committed it may not have waited for
    // the disk. `level`: of synchronous_commit.
    void make_durable(const std::string& level);

    // From now on positions are of this timeline of the source. A table of an older version gets
    // the column for it, unless it belongs to someone else: then nothing is kept.
    void note_timeline(std::uint32_t timeline);

    // The rows that are moved with the position were decided by this version of the quarantine
    // (quarantine/quarantine_table.h): from now on a move fails when the target has another one.
    // nullopt: none was looked at yet, so any will do. Before the first advance_sql(), and then
    // whenever nothing is under way.
    void watch_quarantine(std::optional<std::uint64_t> version);
    bool watches_quarantine() const { return watches_quarantine_; }
    std::optional<std::uint64_t> quarantine_version() const { return quarantine_version_; }

    // Sessions that move the position have an origin (schema/replication_origins.h), and their
    // commits get the time of the source's. Before the first advance_sql().
    void note_origins() { notes_origin_ = true; }
    bool notes_origin() const { return notes_origin_; }

    // The statement that moves the position inside the caller's transaction: $1 new LSN, $2
    // expected old LSN (text form, type pg_lsn). It errors on the server unless exactly this
    // pipeline's row had the old LSN. With watches_quarantine() $3 is the version, or NULL. With
    // notes_origin() the last one is the time of the source's commit in microseconds since
    // 2000-01-01 UTC, or 0.
    std::string advance_sql() const;
    // Marks the initial copy complete at `lsn`, inside the caller's open transaction.
    void complete_copy(Lsn lsn);
    // The stream begins at `lsn`, before the copy is complete: inside the caller's open
    // transaction.
    void begin_copy(Lsn lsn);
    // The copy that went beside the stream is complete. By any session; harmless when repeated.
    static void end_copy(Connection& target, const std::string& pipeline);

  private:
    Connection& target_;
    std::string pipeline_;
    bool watches_quarantine_ = false;
    bool notes_origin_ = false;
    std::optional<std::uint64_t> quarantine_version_;
};

}  // namespace walpack
