// What applying thread and copy workers share of the tables that are copied (decision 0011): under
// one mutex, as a change is decided by the same facts that the workers change.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "copy/chunk_load.h"
#include "copy/copy_catalog.h"
#include "copy/copy_progress.h"
#include "copy/source_snapshot.h"
#include "model/kept_change.h"
#include "model/lsn.h"
#include "schema/published_table.h"
#include "schema/target_table.h"
#include "structure/post_data.h"

namespace walpack {

// For people, of a table whose chunks say nothing any more.
inline constexpr const char* kCutOtherwise = "was cut by a column that is another one now";

// Transactions whose changes were not applied, as their chunk waited or was being loaded: a
// snapshot that is taken from now on must see them.
struct NotApplied {
    // Those that no snapshot of the primary has seen yet, by commit LSN.
    UnseenTransactions unseen;
    // The newest snapshot that took transactions out of `unseen`; others of the primary must see as
    // much. Not beyond a session of the stream: a source that has crashed may have lost what it
    // saw, and gives its numbers to others.
    std::optional<SourceSnapshot> newest;
    // A standby may be far behind, so it is asked by LSN: the last one, by its commit LSN.
    Lsn until;

    bool is_seen_by(const SourceSnapshot& snapshot) const;
};

// Since when changes of a chunk are kept for a snapshot that is yet to come.
struct AskedSnapshot {
    NotApplied before;  // it must see that; of what came since the chunk has everything
    std::chrono::steady_clock::time_point at;
    UnseenTransactions kept;  // those whose changes the backlog has

    // The xid of the one of them of which it cannot be told whether the snapshot sees it.
    std::optional<std::uint32_t> doubtful_for(const SourceSnapshot& snapshot) const;
};

// What changes are decided by: a range of the key, or a table.
struct CopyChunk {
    enum class State : std::uint8_t {
        waiting,
        asking,   // for a snapshot, as one has seen too little: changes are kept for the next
        loading,  // under `snapshot`
        loaded,   // its rows are there; the backlog is not applied
        live,
        withdrawn,  // its rows are being deleted by the transaction that commits at withdrawn_lsn
    };

    State state = State::waiting;
    std::optional<AskedSnapshot> asked;  // state asking
    std::optional<SourceSnapshot> snapshot;
    // Every transaction that the snapshot sees ends at or before it.
    Lsn settled_lsn;
    std::vector<KeptChange> backlog;
    std::size_t backlog_bytes = 0;
    Lsn withdrawn_lsn;
    // Workers whose COMMIT is on its way: until it is answered nobody may reset the chunk.
    int committing = 0;
    // Counts resets: a worker that began before one has loaded in vain.
    std::uint64_t generation = 0;

    bool wants_snapshot() const { return state == State::waiting || state == State::asking; }
    // With a snapshot: whether it sees a committed transaction.
    bool sees(std::uint32_t xid, Lsn commit_lsn) const;
};

// What one worker loads in one transaction: a chunk, or some pages of a table that is one chunk.
struct CopyPart {
    StoredChunk stored;
    bool is_taken = false;   // by a worker
    bool is_loaded = false;  // committed on the target
    // Its upper half, which is stored as a chunk of its own already, and is to become one here.
    std::optional<StoredChunk> cut_off;
    bool may_age = false;  // it cannot be cut, so its snapshot may be as old as it must
};

// Something that is made of a table's structure once its rows are there.
struct CopyBuild {
    // When it may be made.
    enum class Stage : std::uint8_t {
        key,      // all chunks loaded: changes need it to find their rows
        index,    // the same, behind the keys
        settled,  // the stream has passed all snapshots: only then nothing is there twice
        last,     // all tables are ready
    };

    PostDataItem item;
    Stage stage = Stage::last;
    bool is_identity = false;  // the index by which changes find their rows
    // Holds rows against each other: those of a unique index; otherwise unknown which.
    bool is_exclusive = false;
    std::vector<std::string> unique_columns;
    bool is_taken = false;
    bool is_done = false;  // or refused
};

// Tasks point to them, also when more come.
using CopyBuilds = std::deque<CopyBuild>;

struct CopyTable {
    StoredTable stored;
    std::shared_ptr<const PublishedTable> published;
    std::shared_ptr<const RelationMapping> mapping;
    std::shared_ptr<const TableLoad> load;  // nullptr until it is planned
    std::vector<CopyPart> parts;
    std::vector<CopyChunk> chunks;  // method key: one per part; whole: one
    CopyBuilds builds;
    std::size_t progress_number = 0;  // in CopyProgress, if it is shown there
    bool is_shown = false;            // from the start of the copy, or when it is planned
    // Of parts that were loaded and reset, until that is shown too.
    TableFigures taken_back;
    bool is_taken = false;     // a worker plans or empties it
    bool was_emptied = false;  // so the target may have altered it since it was described
    bool is_built = false;     // what changes need is there
    bool is_settled = false;
    bool needs_analyze = false;  // state ready: its statistics are still to be collected
    // State requested: the applying thread drops its changes, and what it applied before ends here.
    std::optional<Lsn> dropped_from;
    // State requested: what `required` is must be found out, once changes are dropped.
    bool needs_required = false;
    // State requested: `published` and `mapping` are to be read anew first.
    bool needs_description = false;
    // Of method whole: the exported snapshot that further workers may join, while it lives.
    std::string exported_snapshot;

    // For people; what was loaded by an earlier run included.
    TableFigures figures() const;
    // All of its changes are dropped: there are no rows of it, or none that stay.
    bool is_dropped() const { return chunks.empty() || stored.state == TableState::requested; }
    bool is_whole() const { return stored.method == ChunkMethod::whole; }
    std::size_t chunk_of(std::size_t part) const { return is_whole() ? 0 : part; }
    // The place of a part by its stored number, which stays when others are cut; behind the last
    // when there is none.
    std::size_t place_of(std::uint32_t number) const;
    // For a new part; each time another one.
    std::uint32_t new_number();

    std::uint32_t next_number = 0;
};

// Where a snapshot of the source stands: it sees exactly what committed before `lsn`.
struct ExactSnapshot {
    Lsn lsn;
    SourceSnapshot snapshot;
};

struct CopyTables {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<TableName, std::unique_ptr<CopyTable>> by_name;
    NotApplied not_applied;
    // Snapshots that were asked for before say nothing: the stream had another session.
    std::chrono::steady_clock::time_point session_at;
    // The last one that was taken in this session of the stream.
    std::optional<ExactSnapshot> exact;
    bool is_exact_awaited = false;  // a worker is taking one
    // Where the stream began: a standby must have replayed that.
    Lsn resumed_at;
    std::size_t backlog_bytes = 0;
    // Where the first kept change is may be another place than the target knows of.
    bool kept_has_changed = false;
    // Relations of the stream that are none of the tables. Their changes were dropped.
    std::set<TableName> unknown;
    // What belongs to no table, or to one that was not copied.
    CopyBuilds builds;
    // What the target has committed.
    Lsn applied;
    // Counts what makes the fate of a relation's changes another one.
    std::uint64_t epoch = 0;
    // What ended the copy, if something did.
    std::exception_ptr failure;

    // The rest is for the owner of the mutex.

    // The chunk, which waits or asks, is loaded under the snapshot from now on, if that sees
    // everything of it that was not applied so far; what it sees need not be remembered any more.
    // `asked_at`: before it was taken.
    [[nodiscard]] bool begin_loading(CopyTable& table, std::size_t chunk,
                                     const SourceSnapshot& snapshot, Lsn settled_lsn,
                                     std::chrono::steady_clock::time_point asked_at);
    // Its changes are kept from now on, if they are not already: so what its snapshot has to see
    // grows no more, however late that snapshot is.
    void ask(CopyChunk& chunk);
    // Who waits for a standby would do so again for every chunk: one more of the table asks, if few
    // do, that no worker has in hand.
    void ask_ahead(CopyTable& table);
    // Such chunks wait again; of all tables without one.
    void stop_asking_ahead(CopyTable& table);
    void stop_asking_ahead();
    // Into the chunk's backlog, of a transaction that was noted as not applied.
    void keep(CopyChunk& chunk, const RowChange& change, std::uint32_t xid, Lsn commit_lsn);
    // All that is kept for the chunk is the caller's.
    std::vector<KeptChange> take_kept(CopyChunk& chunk);
    // Of the primary: forgets what it sees.
    void note_seen(const SourceSnapshot& snapshot, std::chrono::steady_clock::time_point asked_at);
    // What the stream brings from now on is another session's. All that it has brought is on the
    // source's disk, so whatever snapshot is asked for from now on sees what earlier ones saw of
    // it.
    void begin_session();
    // A change of the transaction was not applied: a snapshot that is taken from now on must see
    // it. True when that is to be stored.
    [[nodiscard]] bool note_not_applied(std::uint32_t xid, Lsn commit_lsn);
    // The chunk waits again; its rows on the target, if any, are the caller's business.
    void reset(CopyTable& table, std::size_t chunk);
    // What was cut off becomes chunks of its own. For the applying thread, between transactions:
    // places change.
    void cut_parts(CopyTable& table);
    void note_change() {
        ++epoch;
        changed.notify_all();
    }

  private:
    void drop_seen(CopyChunk& chunk, const UnseenTransactions& kept);
};

}  // namespace walpack
