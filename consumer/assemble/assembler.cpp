#include "assemble/assembler.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "assemble/message_reader.h"
#include "assemble/stream_replay.h"
#include "assemble/stream_spool.h"
#include "base/error.h"
#include "decode/decompressor.h"

namespace walpack {
namespace {

// Takes the records of a block while it arrives: they count when they are read again. What an
// operator should know is told at once.
class HeldRecords : public TransactionSink {
  public:
    explicit HeldRecords(TransactionSink& sink) : sink_(sink) {}

    void hello(const Hello&) override {}
    void relation(const RelationRecord&) override {}
    void begin(const Begin&) override {}
    void origin(const Origin&) override {}
    void change(const RowChange&) override {}
    void truncate(const Truncate&) override {}
    void message(const LogicalMessage&) override {}
    void notice(const Notice& notice) override { sink_.notice(notice); }
    void commit(const Commit&) override {}

  private:
    TransactionSink& sink_;
};

struct HeldTransaction {
    HeldTransaction(const std::string& directory, std::uint64_t first_mark)
        : spool(directory), mark(first_mark) {}

    StreamSpool spool;
    std::uint64_t mark;                      // of its first message
    std::vector<std::uint32_t> rolled_back;  // subtransactions
};

[[noreturn]] void throw_prepared() {
    throw Error(ErrorKind::protocol,
                "the source sends a prepared transaction, which was not asked for")
        .hint(
            "The slot was made for two-phase commit. Drop the pipeline with \"walpack drop\" and "
            "set it up again with \"walpack init\".");
}

}  // namespace

struct Assembler::State : UncommittedSink {
    State(TransactionSink& target_sink, AssemblerOptions given)
        : sink(target_sink),
          options(std::move(given)),
          held_records(target_sink),
          reader(target_sink, *this, options.limits) {}

    TransactionSink& stream_start(const StreamStart& start) override {
        block = &held.try_emplace(start.xid, options.spool_directory, mark).first->second;
        return held_records;
    }
    void subtransaction(const Subtransaction&) override {}
    void stream_stop(const StreamStop&) override {}
    void stream_abort(const StreamAbort& abort) override;
    void stream_commit(const StreamCommit& commit) override;

    TransactionSink& begin_prepare(const BeginPrepare&) override { throw_prepared(); }
    void prepare(const Prepare&) override { throw_prepared(); }
    void stream_prepare(const StreamPrepare&) override { throw_prepared(); }
    void commit_prepared(const CommitPrepared&) override { throw_prepared(); }
    void rollback_prepared(const RollbackPrepared&) override { throw_prepared(); }

    TransactionSink& sink;
    AssemblerOptions options;
    HeldRecords held_records;
    MessageReader reader;
    Decompressor decompressor;
    std::unordered_map<std::uint32_t, HeldTransaction> held;  // by xid
    HeldTransaction* block = nullptr;  // whose block the message at hand belongs to
    std::string_view message;          // at hand
    std::uint64_t mark = 0;            // of it
};

// Nothing to do for a transaction of which no block was sent.
void Assembler::State::stream_abort(const StreamAbort& abort) {
    if (abort.is_whole_transaction()) {
        held.erase(abort.xid);
        return;
    }
    const auto found = held.find(abort.xid);
    if (found != held.end()) found->second.rolled_back.push_back(abort.subtransaction_xid);
}

void Assembler::State::stream_commit(const StreamCommit& commit) {
    HeldTransaction& transaction =
        held.try_emplace(commit.xid, options.spool_directory, mark).first->second;
    StreamReplay replay(sink, commit, std::move(transaction.rolled_back), options.limits);
    try {
        replay.run(transaction.spool, message);
    } catch (Error& error) {
        error.at_lsn(commit.commit_lsn.to_string());
        throw;
    }
    held.erase(commit.xid);
}

Assembler::Assembler(TransactionSink& sink, AssemblerOptions options)
    : state_(std::make_unique<State>(sink, std::move(options))) {}

Assembler::~Assembler() = default;

void Assembler::feed(std::string_view message, std::uint64_t mark) {
    State& state = *state_;
    state.mark = mark;
    if (!state.reader.is_inside_block()) state.block = nullptr;
    state.message = state.decompressor.open(message);
    state.reader.feed(state.message);
    // Compressed as it came.
    if (state.block != nullptr) state.block->spool.append(message);
}

bool Assembler::is_inside_transaction() const {
    return state_->reader.is_inside_transaction();
}

bool Assembler::is_inside_block() const {
    return state_->reader.is_inside_block();
}

std::size_t Assembler::held_transactions() const {
    return state_->held.size();
}

std::uint64_t Assembler::held_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [xid, transaction] : state_->held) bytes += transaction.spool.bytes();
    return bytes;
}

std::optional<std::uint64_t> Assembler::held_from() const {
    std::optional<std::uint64_t> oldest;
    for (const auto& [xid, transaction] : state_->held) {
        if (!oldest || transaction.mark < *oldest) oldest = transaction.mark;
    }
    return oldest;
}

std::string Assembler::session_state() const {
    return state_->reader.session_state();
}

std::uint64_t Assembler::decoded_rows() const {
    return state_->reader.rows();
}

}  // namespace walpack
