// One worker of the copy: does tasks, with a session at the source and one at the target of its
// own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_request.h"
#include "copy/copy_catalog.h"
#include "copy/copy_progress.h"
#include "copy/copy_tables.h"
#include "copy/copy_work.h"
#include "copy/rate_limit.h"
#include "copy/refused_copy_rows.h"
#include "copy/taken_snapshot.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "schema/replication_origins.h"

namespace walpack {

inline constexpr const char* kCopyApplicationName = "walpack_copy";

struct CopyWorkerOptions {
    Conninfo source;   // whose slot is read
    Conninfo reading;  // where rows are read: the source, or a standby of it
    Conninfo target;
    std::string pipeline;
    std::string encoding;  // of the source's database: names come in it
    std::vector<std::string> publications;
    std::uint32_t timeline = 0;  // the source's; 0: not known, so that of `reading` is not asked
    std::uint64_t chunk_bytes = 64 << 20;
    std::uint64_t workers = 2;  // load chunks side by side
    std::chrono::milliseconds snapshot_age_max{600'000};
    std::shared_ptr<const ReplicationOrigins>
        origins;                              // of sessions that write rows; nullptr: none
    RefusedCopyRows* refused_rows = nullptr;  // nullptr: nobody holds any
};

// What workers share beside the tables. They outlive the workers.
struct CopyWorkerShared {
    CopyTables& tables;
    CopyWork& work;
    CopyProgress& progress;
    RateLimit& rate_limit;
};

// Of the sessions that hold snapshots, by which they are found in pg_stat_activity.
std::string reading_application_name(const std::string& pipeline);

// A session whose names and values are in the source's encoding.
std::unique_ptr<Connection> connect_in_encoding(
    const Conninfo& conninfo, const std::string& encoding, const StopRequest& stop,
    const std::string& application_name = "walpack_copy");

// The same at the source's primary; throws Error(connection) where a standby answers.
std::unique_ptr<Connection> connect_to_source(const CopyWorkerOptions& options,
                                              const StopRequest& stop);

class CopyWorker {
  public:
    CopyWorker(const CopyWorkerOptions& options, const CopyWorkerShared& shared,
               const StopRequest& stop);

    // The task is done, or is none any more; or is to be done again after Error(connection). Other
    // errors end the copy.
    // The task may go on with another part of its table: release() is for the one that it has then.
    void run(CopyTask& task);
    // Lets go of both sessions: after an error.
    void disconnect();

  private:
    // To a snapshot that is offered for a chunk.
    enum class Answer : std::uint8_t {
        accepted,
        too_old,   // it does not see what was dropped, or that is not certain
        too_late,  // the chunk was reset
    };

    void empty(CopyTable& table);
    ExactSnapshot find_required(const CopyTable& table);
    void require_timeline();
    void plan(CopyTable& table);
    void describe_again(CopyTable& table);
    ChunkPlan make_plan(const CopyTable& table);
    void load(CopyTask& task);
    void load_chunk(const CopyTask& task);
    void load_whole(CopyTask& task);
    bool open_snapshot(const CopyTask& task);
    void lock_rows(const PublishedTable& published, const char* how = "");
    void require_as_described(const PublishedTable& published);
    void settle_doubt(const CopyTask& task, TakenSnapshot& taken);
    Answer offer(const CopyTask& task, const std::optional<TakenSnapshot>& taken,
                 std::chrono::steady_clock::time_point asked_at);
    bool is_waiting(const CopyTask& task);
    void export_snapshot(const CopyTask& task);
    void forget_snapshot(const CopyTask& task);
    bool join_snapshot(const CopyTask& task);
    void load_part(const CopyTask& task);
    void wait_until_flushed(Lsn lsn);
    void begin_writing(const CopyTask& task);
    bool commit_part(const CopyTask& task, const StoredChunk& loaded, const TakenCopyRows& taken);
    bool commit(const StoredChunk& loaded, std::optional<Error>& failure);
    bool was_committed(const StoredChunk& loaded);
    void note_loaded(CopyTable& table, std::size_t place, const StoredChunk& loaded);
    bool next_part(CopyTask& task, bool is_owner);
    void lose_snapshot(const CopyTask& task);
    void give_up(const CopyTask& task);
    void cut(const CopyTask& task);
    std::optional<KeyBound> find_middle(const TableLoad& load, const KeyRange& range);
    void store_cut(const CopyTask& task, const StoredChunk& upper);
    std::string limit_sql(const CopyTask& task, const char* setting);
    bool is_too_old() const;
    void check_age(const CopyTask& task, bool may_age);
    void build(const CopyTask& task);
    void finish(CopyTable& table);
    void analyze(CopyTable& table);
    void read_by_pages(const TableLoad& load);
    std::optional<TakenSnapshot> begin_reading(const CopyTask& task);
    std::shared_ptr<const TableLoad> load_of(const CopyTable& table);

    Connection& reading();
    Connection& target();

    const CopyWorkerOptions& options_;
    CopyWorkerShared shared_;
    CopyTables& tables_;
    const StopRequest& stop_;
    CopyCatalog catalog_;
    std::unique_ptr<Connection> reading_;
    bool reads_standby_ = false;  // that session has found itself at one
    std::unique_ptr<Connection> target_;
    // When the snapshot was taken under which this worker reads; nullopt when it is another's.
    std::optional<std::chrono::steady_clock::time_point> snapshot_at_;
    bool has_warned_ = false;  // of its age
};

}  // namespace walpack
