// The messages of a streamed transaction, read again -> one ordinary transaction.
//
// Everything is checked again as it was when it arrived, count and digest included, since a file
// lay between: commit() is called only when they are right.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "assemble/message_reader.h"
#include "assemble/record_sink.h"
#include "assemble/stream_spool.h"
#include "decode/decompressor.h"

namespace walpack {

class StreamReplay : private TransactionSink, private UncommittedSink {
  public:
    // `rolled_back` names the subtransactions whose changes do not count.
    StreamReplay(TransactionSink& sink, const StreamCommit& commit,
                 std::vector<std::uint32_t> rolled_back, DecoderLimits limits);

    // `commit_message` holds the StreamCommit.
    void run(StreamSpool& spool, std::string_view commit_message);

  private:
    void hello(const Hello& hello) override;
    void relation(const RelationRecord& relation) override;
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override;
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override;
    void notice(const Notice& notice) override;
    void commit(const Commit& commit) override;

    TransactionSink& stream_start(const StreamStart& start) override;
    TransactionSink& begin_prepare(const BeginPrepare& begin) override;
    void subtransaction(const Subtransaction& subtransaction) override;
    void stream_stop(const StreamStop& stop) override;
    void stream_abort(const StreamAbort& abort) override;
    void stream_commit(const StreamCommit& commit) override;
    void prepare(const Prepare& prepare) override;
    void stream_prepare(const StreamPrepare& prepare) override;
    void commit_prepared(const CommitPrepared& commit) override;
    void rollback_prepared(const RollbackPrepared& rollback) override;

    TransactionSink& sink_;
    const StreamCommit& commit_;
    std::vector<std::uint32_t> rolled_back_;  // ascending
    MessageReader reader_;
    Decompressor decompressor_;
    bool is_left_out_ = false;  // what stands here was rolled back
    bool has_origin_ = false;   // that the sink was told
};

}  // namespace walpack
