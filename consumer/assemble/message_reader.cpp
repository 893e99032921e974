#include "assemble/message_reader.h"

#include <variant>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

namespace walpack {
namespace {

std::uint64_t digest_of(std::string_view bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

[[noreturn]] void throw_breach(const std::string& what) {
    throw Error(ErrorKind::protocol, what);
}

// What a loss or repetition on the way looks like.
[[noreturn]] void throw_damaged(const std::string& detail) {
    throw Error(ErrorKind::protocol, "the transaction did not arrive as it was sent")
        .detail(detail);
}

}  // namespace

// Checks each record of one message and hands it on.
struct MessageReader::Step {
    MessageReader& reader;
    std::string_view message;
    std::size_t offset;

    void operator()(const Hello& hello) const { reader.transactions_.hello(hello); }
    void operator()(const RelationRecord& relation) const { reader.sink_->relation(relation); }
    void operator()(const Notice& notice) const { reader.sink_->notice(notice); }

    void operator()(const RowChange& change) const {
        count_change();
        ++reader.rows_;
        reader.sink_->change(change);
    }

    void operator()(const Truncate& truncate) const {
        count_change();
        reader.sink_->truncate(truncate);
    }

    void operator()(const Origin& origin) const {
        if (reader.current() == nullptr) throw_breach("an origin stands outside of a transaction");
        reader.sink_->origin(origin);
    }

    void operator()(const LogicalMessage& logical) const {
        if (logical.is_transactional) {
            count_change();
        } else {
            if (reader.current() != nullptr)
                throw_breach("a message outside of transactions stands inside of one");
            expect_alone("a message outside of transactions");
        }
        reader.sink_->message(logical);
    }

    void operator()(const Begin& begin) const {
        expect_outside("a transaction begins");
        expect_order(begin.commit_lsn);
        reader.open_ = OpenTransaction{begin.commit_lsn, false, {}};
        reader.sink_->begin(begin);
    }

    void operator()(const Commit& commit) const {
        if (!reader.open_ || reader.open_->is_prepared)
            throw_breach("a commit has no transaction before it");
        if (commit.commit_lsn != reader.open_->lsn)
            throw_breach(fmt::format("the transaction's commit LSN is {} at its end",
                                     commit.commit_lsn.to_string()));
        end_open(commit.totals);
        reader.last_end_lsn_ = commit.end_lsn;
        reader.sink_->commit(commit);
        reader.open_.reset();
    }

    void operator()(const StreamStart& start) const {
        expect_outside("a block of a streamed transaction begins");
        if (reader.has_records_) throw_breach("a block does not begin at the start of a message");
        reader.block_ = start.xid;
        reader.block_arrived_ = &reader.streamed_[start.xid];
        reader.sink_ = &reader.uncommitted_.stream_start(start);
    }

    void operator()(const StreamStop& stop) const {
        if (!reader.block_) throw_breach("a block ends that has no start");
        reader.hashed_ = reader.block_arrived_;
        reader.is_complete_ = true;
        reader.block_.reset();
        reader.block_arrived_ = nullptr;
        reader.sink_ = &reader.transactions_;
        reader.uncommitted_.stream_stop(stop);
    }

    void operator()(const Subtransaction& subtransaction) const {
        if (!reader.block_) throw_breach("a subtransaction stands outside of a block");
        reader.uncommitted_.subtransaction(subtransaction);
    }

    void operator()(const StreamAbort& abort) const {
        expect_outside("a streamed transaction is rolled back");
        expect_alone("the rollback of a streamed transaction");
        if (abort.is_whole_transaction()) reader.streamed_.erase(abort.xid);
        reader.uncommitted_.stream_abort(abort);
    }

    void operator()(const StreamCommit& commit) const {
        expect_outside("a streamed transaction is committed");
        expect_alone("the commit of a streamed transaction");
        expect_order(commit.commit_lsn);
        end_streamed(commit.xid, commit.commit_lsn, commit.totals);
        reader.last_end_lsn_ = commit.end_lsn;
        reader.uncommitted_.stream_commit(commit);
    }

    void operator()(const BeginPrepare& begin) const {
        expect_outside("a transaction begins");
        reader.open_ = OpenTransaction{begin.prepare_lsn, true, {}};
        reader.sink_ = &reader.uncommitted_.begin_prepare(begin);
    }

    void operator()(const Prepare& prepare) const {
        if (!reader.open_ || !reader.open_->is_prepared)
            throw_breach("a prepare has no transaction before it");
        if (prepare.prepare_lsn != reader.open_->lsn)
            throw_breach(fmt::format("the transaction's prepare LSN is {} at its end",
                                     prepare.prepare_lsn.to_string()));
        end_open(prepare.totals);
        reader.sink_ = &reader.transactions_;
        reader.uncommitted_.prepare(prepare);
        reader.open_.reset();
    }

    void operator()(const StreamPrepare& prepare) const {
        expect_outside("a streamed transaction is prepared");
        expect_alone("the prepare of a streamed transaction");
        end_streamed(prepare.xid, prepare.prepare_lsn, prepare.totals);
        reader.uncommitted_.stream_prepare(prepare);
    }

    void operator()(const CommitPrepared& commit) const {
        expect_outside("a prepared transaction is committed");
        expect_alone("the commit of a prepared transaction");
        expect_order(commit.commit_lsn);
        reader.last_end_lsn_ = commit.end_lsn;
        reader.uncommitted_.commit_prepared(commit);
    }

    void operator()(const RollbackPrepared& rollback) const {
        expect_outside("a prepared transaction is rolled back");
        expect_alone("the rollback of a prepared transaction");
        reader.uncommitted_.rollback_prepared(rollback);
    }

    void count_change() const {
        Arrived* arrived = reader.current();
        if (arrived == nullptr) throw_breach("a change stands outside of a transaction");
        ++arrived->changes;
    }

    void expect_outside(const char* what) const {
        if (reader.current() != nullptr)
            throw_breach(fmt::format("{} inside of another one", what));
    }

    void expect_alone(const char* what) const {
        if (reader.has_records_) throw_breach(fmt::format("{} is not alone", what));
        reader.is_complete_ = true;
    }

    void expect_order(Lsn commit_lsn) const {
        if (commit_lsn < reader.last_end_lsn_)
            throw_breach(fmt::format("commit LSN {} comes after end LSN {}", commit_lsn.to_string(),
                                     reader.last_end_lsn_.to_string()));
    }

    static void expect_totals(const Totals& sent, const Arrived& arrived) {
        if (sent.changes != arrived.changes)
            throw_damaged(fmt::format("It has {} changes, of which {} arrived.", sent.changes,
                                      arrived.changes));
        if (sent.digest != static_cast<std::uint32_t>(arrived.digest))
            throw_damaged(fmt::format("Its digest is {:08x}, that of the bytes received {:08x}.",
                                      sent.digest, static_cast<std::uint32_t>(arrived.digest)));
    }

    // The digest goes up to the record that ends the transaction.
    void end_open(const Totals& sent) const {
        Arrived arrived = reader.open_->arrived;
        arrived.digest = digest_of(message.substr(0, offset), arrived.digest);
        expect_totals(sent, arrived);
        reader.is_complete_ = true;
    }

    // One of which no block was sent has neither changes nor a digest.
    void end_streamed(std::uint32_t xid, Lsn lsn, const Totals& sent) const {
        try {
            expect_totals(sent, reader.streamed_[xid]);
        } catch (Error& error) {
            error.at_lsn(lsn.to_string());
            throw;
        }
        reader.streamed_.erase(xid);
    }
};

MessageReader::MessageReader(TransactionSink& transactions, UncommittedSink& uncommitted,
                             DecoderLimits limits, DecoderStart start)
    : transactions_(transactions),
      uncommitted_(uncommitted),
      decoder_(limits, start),
      sink_(&transactions) {}

void MessageReader::feed(std::string_view message) {
    has_records_ = false;
    is_complete_ = false;
    hashed_ = nullptr;
    try {
        decoder_.decode(message, [this, &message](const Record& record, std::size_t offset) {
            if (is_complete_) throw_breach("a record follows the last one of its message");
            std::visit(Step{*this, message, offset}, record);
            has_records_ |= !std::holds_alternative<Hello>(record);
        });
    } catch (Error& error) {
        if (open_) error.at_lsn(open_->lsn.to_string());
        throw;
    }
    // Behind a StreamStop the message still counts to its block.
    if (hashed_ == nullptr) hashed_ = current();
    if (hashed_ != nullptr) hashed_->digest = digest_of(message, hashed_->digest);
}

}  // namespace walpack
