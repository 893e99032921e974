// Prints records as JSON lines: one object per record, rows as objects by column name.
//
// The keys are those of the SQL functions walpack.decode() and walpack.peek_changes(). Rows are
// printed as they come, so memory does not depend on the length of a run; neighbouring runs of one
// kind and one relation in a message are printed as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "assemble/record_sink.h"
#include "cli/json_writer.h"
#include "model/record.h"

namespace walpack {

class RecordPrinter : public TransactionSink, public UncommittedSink {
  public:
    // The stream must outlive the printer.
    explicit RecordPrinter(std::ostream& out) : out_(out), json_(line_) {}

    void hello(const Hello& hello) override;
    void relation(const RelationRecord& relation) override;
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override;
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override;
    void notice(const Notice& notice) override;
    // Only called for a transaction whose count and digest are right, and says so.
    void commit(const Commit& commit) override;

    // Records of blocks are printed as they come; whose they are is told by what stands before.
    TransactionSink& stream_start(const StreamStart& start) override;
    void stream_stop(const StreamStop& stop) override;
    void subtransaction(const Subtransaction& subtransaction) override;
    void stream_abort(const StreamAbort& abort) override;
    void stream_commit(const StreamCommit& commit) override;
    TransactionSink& begin_prepare(const BeginPrepare& begin) override;
    void prepare(const Prepare& prepare) override;
    void stream_prepare(const StreamPrepare& prepare) override;
    void commit_prepared(const CommitPrepared& commit) override;
    void rollback_prepared(const RollbackPrepared& rollback) override;

    // The transaction printed last has no commit: its session ended.
    void abandon_transaction();
    // Nothing follows in this message: ends the line of an open run. A row that an error cut is
    // taken back.
    void end_message();

  private:
    void begin_record(const char* name);
    void end_record();
    void write_xid(std::uint32_t xid);
    void write_lsn(const char* key, Lsn lsn);
    void write_time(const char* key, std::int64_t time);
    void write_text(const char* key, std::string_view text);
    void write_totals(const Totals& totals);
    void write_tuple(const char* name, const Relation& relation, Tuple tuple, bool is_key);
    void write_unchanged_toast(const Relation& relation, Tuple tuple);
    void flush();

    std::ostream& out_;
    std::string line_;  // what was not given to the stream yet
    JsonWriter json_;
    RelationRecord run_relation_;  // of an open run, else null
    ChangeKind run_kind_ = ChangeKind::insert;
    std::optional<std::size_t> row_start_;  // in line_, of a row that is being written
};

}  // namespace walpack
