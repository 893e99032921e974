// The stream while tables are copied beside it: between assembler and applier, each change goes
// through the gate of the copy.
//
// Used by the applying thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apply/applier.h"
#include "assemble/record_sink.h"
#include "base/stop_request.h"
#include "copy/copy_gate.h"
#include "copy/copy_job.h"

namespace walpack {

class CopyStream : public TransactionSink, private CopyGateOutput {
  public:
    // All must outlive this object. The stream begins at `resume_from`, the target stands at
    // `position`.
    CopyStream(Applier& applier, CopyTables& tables, const CopyCatalog& catalog, CopyJob& job,
               Lsn resume_from, Lsn position, std::uint64_t backlog_bytes_max,
               const StopRequest& abort);

    void hello(const Hello& hello) override { applier_.hello(hello); }
    void relation(const RelationRecord& relation) override { applier_.relation(relation); }
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override { applier_.origin(origin); }
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override { applier_.message(message); }
    void notice(const Notice& notice) override { applier_.notice(notice); }
    void commit(const Commit& commit) override;

    // What comes from here on is another session's.
    void begin_session() { gate_.begin_session(); }
    // The server has nothing for us up to here.
    void note_idle(Lsn wal_end);
    // Between two transactions, often: takes up what the copy's workers have finished. Waits while
    // kept changes take more memory than they may, unless `stop` is requested. Throws what ended
    // the copy.
    void work(const StopRequest& stop);
    // For how long there may be nothing to do: workers do not wake this thread.
    std::chrono::milliseconds idle_wait_max() const;
    // How far the slot may be confirmed, when the target has `durable` on its disk.
    Lsn confirmable(Lsn durable);

  private:
    void apply(const RowChange& change) override { applier_.change(change); }
    void apply(const Truncate& truncate) override { applier_.truncate(truncate); }
    void empty(const std::shared_ptr<const Relation>& relation) override {
        applier_.delete_all(relation);
    }
    void apply_kept(const RowChange& change, Lsn commit_lsn) override;
    void command(std::string sql, const char* doing) override;
    void delete_rows(std::string sql, const char* doing, DeletedRows deleted) override;
    void begin_kept(const TableName& table) override { applier_.begin_kept(table); }
    void forget_mapping(const TableName& table) override { applier_.forget_mapping(table); }
    void work_once();

    Applier& applier_;
    CopyJob& job_;
    CopyGate gate_;
    const std::uint64_t backlog_bytes_max_;
    const StopRequest& abort_;
    std::chrono::steady_clock::time_point worked_;
    // The last answer, as a look at all chunks for each message would be too much.
    Lsn confirmable_;
    Lsn confirmable_of_;
    std::chrono::steady_clock::time_point confirmable_at_;
    Lsn idle_at_;  // of note_idle()
};

}  // namespace walpack
