// Decides of every change of the stream what becomes of it while tables are copied: applied,
// dropped because the copy has it or will have it, or kept until its chunk is there. The rules and
// why they are right: docs/decisions/0011.
//
// Used by the applying thread alone; shares CopyTables with the workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_request.h"
#include "copy/copy_tables.h"
#include "model/lsn.h"
#include "model/record.h"
#include "schema/deleted_rows.h"

namespace walpack {

// What is to be done with the target, in the order of the calls.
class CopyGateOutput {
  public:
    virtual ~CopyGateOutput() = default;
    // Of the transaction at hand.
    virtual void apply(const RowChange& change) = 0;
    virtual void apply(const Truncate& truncate) = 0;
    // Deletes all rows, by a way that foreign keys between tables do not forbid.
    virtual void empty(const std::shared_ptr<const Relation>& relation) = 0;
    // Of a transaction before it, whose turn has come.
    virtual void apply_kept(const RowChange& change, Lsn commit_lsn) = 0;
    virtual void command(std::string sql, const char* doing) = 0;
    // The same, of a statement that deletes rows.
    virtual void delete_rows(std::string sql, const char* doing, DeletedRows deleted) = 0;
    // Kept changes of the table come next: workers may have taken rows out that they depend on.
    virtual void begin_kept(const TableName& table) = 0;
    // The table's indexes are others than when its last change was applied.
    virtual void forget_mapping(const TableName& table) = 0;
};

class CopyGate {
  public:
    // Before `position` every change was applied, dropped, or belongs to a chunk that is not live;
    // the stream begins at `resume_from`, not behind it. `abort` ends waits for workers.
    CopyGate(CopyTables& tables, const CopyCatalog& catalog, Lsn resume_from, Lsn position,
             const StopRequest& abort);

    void begin(const Begin& begin);
    void change(const RowChange& change, CopyGateOutput& output);
    void truncate(const Truncate& truncate, CopyGateOutput& output);

    // Everything that ends at or before it was given to the gate.
    void note_stream_at(Lsn lsn);
    // Takes up what the workers have finished. Between transactions; often. `position`: the end of
    // what was given to the target, `applied`: of what is committed there.
    // True when kept changes are among it: then it must be durable before anything is confirmed.
    [[nodiscard]] bool work(Lsn position, Lsn applied, CopyGateOutput& output);
    // The stream has another session.
    void begin_session();
    // As of the last work(): tables wait for the stream to pass their snapshots.
    bool is_settling() const { return is_settling_; }
    // Statements that belong into the group's transaction; none when nothing has changed.
    std::vector<std::string> closing_sql();
    // What comes from here on must be sent again after a crash; nullopt when nothing holds the
    // slot back. `durable`: of what the target has on disk.
    std::optional<Lsn> floor(Lsn durable);
    // Kept changes take more memory than they may: nothing more should be read for a while. Never
    // while what was kept before a restart comes again: it is used only when all of it is there.
    bool is_full(std::size_t backlog_bytes_max) const;
    // What is kept for chunks that no worker has in hand is given up.
    void stop_asking_ahead();
    // For the middle of a transaction, which cannot wait: chunks whose backlog is too large are
    // loaded again, later.
    void limit_backlog(std::size_t backlog_bytes_max, CopyGateOutput& output);

  private:
    enum class Fate : std::uint8_t { apply, drop, keep };
    struct Image {
        std::size_t chunk = 0;
        Fate fate = Fate::drop;
    };

    // nullptr for a relation that is not known; all its changes are dropped until it is.
    CopyTable* find(const Relation& relation);
    void look_up(const RowChange& change);
    void change_of_other_cut(CopyGateOutput& output);
    // Nothing of the table counts any more, and its changes are dropped from here on. Gives the
    // mutex up.
    void begin_again(CopyTable& table, CopyGateOutput& output);
    std::size_t chunk_of_row(const RowChange& change, bool is_old);
    Value key_of(const RowChange& change, bool is_old, std::size_t column) const;
    std::size_t chunk_of(const CopyTable& table, std::string_view sort_key) const;
    Fate fate_of(CopyTable& table, std::size_t chunk, CopyGateOutput& output);
    void note_not_applied();
    std::optional<Lsn> kept_from() const;
    std::string note_kept_sql();
    void settle_image(const Image& image, const RowChange& change, CopyGateOutput& output);
    void split(std::size_t from, std::size_t to, const RowChange& change, CopyGateOutput& output);
    // Deletes the chunk's rows, so that it can be loaded again.
    void take_back(CopyTable& table, std::size_t chunk, CopyGateOutput& output);
    void delete_chunk(const CopyTable& table, std::size_t chunk, const char* doing,
                      CopyGateOutput& output) const;
    bool is_applied_to_all(CopyTable& table, CopyGateOutput& output);
    void truncate_chunks(CopyTable& table, CopyGateOutput& output);
    // True when it had to.
    [[nodiscard]] bool wait_while_committing(CopyChunk& chunk);
    // True when it did.
    bool make_live(CopyTable& table, CopyGateOutput& output);
    void admit_withdrawn(CopyTable& table, Lsn applied);
    // To be given to the output when the mutex is free again.
    struct Command {
        std::string sql;
        const char* doing;
    };
    std::optional<Command> advance(CopyTable& table);

    CopyTables& tables_;
    const CopyCatalog& catalog_;
    Lsn resume_from_;
    Lsn start_;
    const StopRequest& abort_;
    bool is_replaying_;  // the stream has not reached start_
    bool is_settling_ = false;
    std::uint32_t xid_ = 0;
    Lsn commit_lsn_;
    bool has_kept_ = false;            // since limit_backlog()
    bool is_noted_ = false;            // the transaction at hand is among the unseen
    bool unseen_has_changed_ = false;  // since closing_sql()
    // As the target was told last.
    std::optional<Lsn> noted_from_;
    // Kept changes that went with a chunk's rows, or that the target is told to be needed: until it
    // is durable that they are not.
    struct Hold {
        Lsn floor;
        Lsn until;  // commit LSN of the transaction
    };
    std::vector<Hold> holds_;
    // Of the relation whose change came last.
    std::shared_ptr<const Relation> relation_;
    std::uint64_t epoch_ = 0;
    CopyTable* table_ = nullptr;
    bool passes_ = false;            // its changes are applied without a look
    bool is_cut_otherwise_ = false;  // by what the relation has not, or has of another kind
    bool key_is_in_old_ = true;      // or the table is not cut
    struct KeyPlace {
        std::size_t attribute = 0;
        std::size_t in_key = 0;  // in a key tuple
    };
    std::vector<KeyPlace> key_;
    std::unique_lock<std::mutex> lock_;  // held while a change is decided
    std::string sort_key_;
};

}  // namespace walpack
