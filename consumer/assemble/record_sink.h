// What takes records, one call each.
//
// TransactionSink is for transactions as they are applied: begin, changes, commit. UncommittedSink
// is for what is said of transactions before and after they are committed.
#pragma once

#include "model/record.h"

namespace walpack {

class TransactionSink {
  public:
    virtual ~TransactionSink() = default;
    virtual void hello(const Hello& hello) = 0;
    // A relation was described (again); may come inside or outside a transaction.
    virtual void relation(const RelationRecord& relation) = 0;
    virtual void begin(const Begin& begin) = 0;
    // Holds for the changes that follow, up to the next one or the commit.
    virtual void origin(const Origin& origin) = 0;
    virtual void change(const RowChange& change) = 0;
    virtual void truncate(const Truncate& truncate) = 0;
    virtual void message(const LogicalMessage& message) = 0;
    virtual void notice(const Notice& notice) = 0;
    virtual void commit(const Commit& commit) = 0;
};

class UncommittedSink {
  public:
    virtual ~UncommittedSink() = default;
    // Says who takes the records of the block or of the prepared transaction, up to its end.
    virtual TransactionSink& stream_start(const StreamStart& start) = 0;
    virtual TransactionSink& begin_prepare(const BeginPrepare& begin) = 0;
    virtual void subtransaction(const Subtransaction& subtransaction) = 0;
    virtual void stream_stop(const StreamStop& stop) = 0;
    virtual void stream_abort(const StreamAbort& abort) = 0;
    // These three only when count and digest were found right.
    virtual void stream_commit(const StreamCommit& commit) = 0;
    virtual void prepare(const Prepare& prepare) = 0;
    virtual void stream_prepare(const StreamPrepare& prepare) = 0;
    virtual void commit_prepared(const CommitPrepared& commit) = 0;
    virtual void rollback_prepared(const RollbackPrepared& rollback) = 0;
};

}  // namespace walpack
