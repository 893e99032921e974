#include "assemble/assembler.h"

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
struct Assembler::Step {
    Assembler& assembler;
    std::string_view message;
    std::size_t offset;

    void operator()(const Hello& hello) const { assembler.sink_.hello(hello); }
    void operator()(const RelationRecord& relation) const { assembler.sink_.relation(relation); }
    void operator()(const Notice& notice) const { assembler.sink_.notice(notice); }

    void operator()(const Begin& begin) const {
        if (assembler.open_) throw_breach("a transaction begins inside of another one");
        if (begin.commit_lsn < assembler.last_end_lsn_)
            throw_breach(fmt::format("commit LSN {} comes after end LSN {}",
                                     begin.commit_lsn.to_string(),
                                     assembler.last_end_lsn_.to_string()));
        assembler.open_ = OpenTransaction{.begin = begin};
        assembler.sink_.begin(begin);
    }

    void operator()(const RowChange& change) const {
        count_change();
        assembler.sink_.change(change);
    }

    void operator()(const Truncate& truncate) const {
        count_change();
        assembler.sink_.truncate(truncate);
    }

    void operator()(const LogicalMessage& logical) const {
        if (logical.is_transactional) {
            count_change();
        } else {
            if (assembler.open_)
                throw_breach("a message outside of transactions stands inside of one");
            if (assembler.has_records_)
                throw_breach("a message outside of transactions is not alone");
            assembler.is_complete_ = true;
        }
        assembler.sink_.message(logical);
    }

    void operator()(const Commit& commit) const {
        if (!assembler.open_) throw_breach("a commit has no transaction before it");
        OpenTransaction& open = *assembler.open_;
        if (commit.commit_lsn != open.begin.commit_lsn)
            throw_breach(fmt::format("the transaction's commit LSN is {} at its end",
                                     commit.commit_lsn.to_string()));
        if (commit.changes != open.changes)
            throw_damaged(fmt::format("It has {} changes, of which {} arrived.", commit.changes,
                                      open.changes));
        open.digest = digest_of(message.substr(0, offset), open.digest);
        if (commit.digest != static_cast<std::uint32_t>(open.digest))
            throw_damaged(fmt::format("Its digest is {:08x}, that of the bytes received {:08x}.",
                                      commit.digest, static_cast<std::uint32_t>(open.digest)));
        assembler.last_end_lsn_ = commit.end_lsn;
        assembler.sink_.commit(commit);
        assembler.open_.reset();
        assembler.is_complete_ = true;
    }

    void count_change() const {
        if (!assembler.open_) throw_breach("a change stands outside of a transaction");
        ++assembler.open_->changes;
    }
};

Assembler::Assembler(TransactionSink& sink, DecoderLimits limits) : sink_(sink), decoder_(limits) {}

void Assembler::feed(std::string_view message) {
    has_records_ = false;
    is_complete_ = false;
    try {
        decoder_.decode(message, [this, &message](const Record& record, std::size_t offset) {
            if (is_complete_) throw_breach("a record follows the last one of its message");
            std::visit(Step{*this, message, offset}, record);
            has_records_ |= !std::holds_alternative<Hello>(record);
        });
    } catch (Error& error) {
        if (open_) error.at_lsn(open_->begin.commit_lsn.to_string());
        throw;
    }
    if (open_) open_->digest = digest_of(message, open_->digest);
}

}  // namespace walpack
