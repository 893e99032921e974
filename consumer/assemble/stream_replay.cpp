#include "assemble/stream_replay.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace walpack {
namespace {

// It was not there when the messages arrived.
[[noreturn]] void throw_damaged() {
    throw Error(ErrorKind::protocol, "the spool of a streamed transaction was damaged");
}

}  // namespace

StreamReplay::StreamReplay(TransactionSink& sink, const StreamCommit& commit,
                           std::vector<std::uint32_t> rolled_back, DecoderLimits limits)
    : sink_(sink),
      commit_(commit),
      rolled_back_(std::move(rolled_back)),
      reader_(*this, *this, limits, DecoderStart::streamed_transaction) {
    std::ranges::sort(rolled_back_);
}

void StreamReplay::run(StreamSpool& spool, std::string_view commit_message) {
    sink_.begin({commit_.xid, commit_.commit_lsn, commit_.commit_time});
    spool.read([this](std::string_view message) { reader_.feed(decompressor_.open(message)); });
    reader_.feed(commit_message);
}

// Both were handed on when they arrived.
void StreamReplay::hello(const Hello& /*hello*/) {}
void StreamReplay::notice(const Notice& /*notice*/) {}

// Also of what was rolled back: later rows may refer to it.
void StreamReplay::relation(const RelationRecord& relation) {
    sink_.relation(relation);
}

// Also in a subtransaction that was rolled back: it holds for what follows in the block.
void StreamReplay::origin(const Origin& origin) {
    has_origin_ = !origin.name.empty();
    sink_.origin(origin);
}

void StreamReplay::change(const RowChange& change) {
    if (!is_left_out_) sink_.change(change);
}

void StreamReplay::truncate(const Truncate& truncate) {
    if (!is_left_out_) sink_.truncate(truncate);
}

void StreamReplay::message(const LogicalMessage& message) {
    if (!is_left_out_) sink_.message(message);
}

// A block begins in the top-level transaction and without an origin.
TransactionSink& StreamReplay::stream_start(const StreamStart& start) {
    if (start.xid != commit_.xid) throw_damaged();
    is_left_out_ = false;
    if (has_origin_) origin({});
    return *this;
}

void StreamReplay::subtransaction(const Subtransaction& subtransaction) {
    is_left_out_ = std::ranges::binary_search(rolled_back_, subtransaction.xid);
}

void StreamReplay::stream_stop(const StreamStop& /*stop*/) {}

void StreamReplay::stream_commit(const StreamCommit& commit) {
    sink_.commit({commit.commit_lsn, commit.end_lsn, commit.totals});
}

void StreamReplay::begin(const Begin& /*begin*/) {
    throw_damaged();
}
void StreamReplay::commit(const Commit& /*commit*/) {
    throw_damaged();
}
void StreamReplay::stream_abort(const StreamAbort& /*abort*/) {
    throw_damaged();
}
TransactionSink& StreamReplay::begin_prepare(const BeginPrepare& /*begin*/) {
    throw_damaged();
}
void StreamReplay::prepare(const Prepare& /*prepare*/) {
    throw_damaged();
}
void StreamReplay::stream_prepare(const StreamPrepare& /*prepare*/) {
    throw_damaged();
}
void StreamReplay::commit_prepared(const CommitPrepared& /*commit*/) {
    throw_damaged();
}
void StreamReplay::rollback_prepared(const RollbackPrepared& /*rollback*/) {
    throw_damaged();
}

}  // namespace walpack
