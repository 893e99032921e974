#include "sql_transaction.h"

// The hash is compiled in: the library links nothing for it.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walpack::sql {

namespace {

[[noreturn]] void report_corrupted(const char* what) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("walpack stream is damaged"),
                    errdetail_internal("%s", what)));
    pg_unreachable();
}

uint64_t digest_of(Bytes bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void compare(const RecordSummary& record, uint64_t changes, uint64_t digest) {
    if (record.total != changes) {
        report_corrupted(psprintf("The end of the transaction counts " UINT64_FORMAT
                                  " changes, " UINT64_FORMAT " were received.",
                                  static_cast<uint64>(record.total), static_cast<uint64>(changes)));
    }
    if (record.digest != static_cast<uint32_t>(digest)) {
        report_corrupted(
            psprintf("The end of the transaction has digest %u, the transaction's bytes have %u.",
                     record.digest, static_cast<uint32_t>(digest)));
    }
}

}  // namespace

TransactionCheck::TransactionCheck(MemoryContext parent) {
    HASHCTL control = {};
    control.keysize = sizeof(uint32_t);
    control.entrysize = sizeof(Tally);
    control.hcxt = parent;
    streamed_ =
        hash_create("walpack transactions", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void TransactionCheck::begin_message() {
    has_ended_ = false;
    has_records_ = false;
}

uint32_t TransactionCheck::take_record(const RecordSummary& record, Bytes message) {
    if (has_ended_) {
        report_corrupted("A record follows the end of its transaction in the same message.");
    }
    const uint32_t inside = open_ != nullptr ? open_->xid : 0;
    switch (record.type) {
        case WALPACK_BEGIN:
            begin(Place::kWhole, record);
            break;
        case WALPACK_BEGIN_PREPARE:
            begin(Place::kPrepared, record);
            break;
        case WALPACK_STREAM_START:
            begin_block(record.xid);
            break;
        case WALPACK_COMMIT:
            end(Place::kWhole, record, message);
            break;
        case WALPACK_PREPARE:
            end(Place::kPrepared, record, message);
            break;
        case WALPACK_STREAM_STOP:
            end_block();
            break;
        case WALPACK_STREAM_ABORT:
        case WALPACK_STREAM_COMMIT:
        case WALPACK_STREAM_PREPARE:
        case WALPACK_COMMIT_PREPARED:
        case WALPACK_ROLLBACK_PREPARED:
            take_alone(record);
            break;
        default:
            take_other(record);
    }
    has_records_ |= record.type != WALPACK_HELLO;
    return record.xid != 0 ? record.xid : inside;
}

void TransactionCheck::begin(Place place, const RecordSummary& record) {
    if (place_ != Place::kOutside) {
        report_corrupted("A transaction begins inside of another one.");
    }
    place_ = place;
    lsn_ = record.lsn;
    whole_ = Tally{record.xid, 0, 0};
    open_ = &whole_;
}

void TransactionCheck::begin_block(uint32_t xid) {
    if (place_ != Place::kOutside) {
        report_corrupted("A block begins inside of another transaction.");
    }
    bool found = false;
    open_ = static_cast<Tally*>(hash_search(streamed_, &xid, HASH_ENTER, &found));
    if (!found) {
        *open_ = Tally{xid, 0, 0};
    }
    place_ = Place::kBlock;
}

void TransactionCheck::end(Place place, const RecordSummary& record, Bytes message) {
    if (place_ != place || record.lsn != lsn_) {
        report_corrupted("An end of a transaction does not belong to the one before it.");
    }
    compare(record, open_->changes, digest_of(message.first(record.offset), open_->digest));
    place_ = Place::kOutside;
    open_ = nullptr;
    has_ended_ = true;
}

// The message still belongs to the transaction, up to its last byte.
void TransactionCheck::end_block() {
    if (place_ != Place::kBlock) {
        report_corrupted("A block ends that did not begin.");
    }
    place_ = Place::kOutside;
    has_ended_ = true;
}

void TransactionCheck::take_alone(const RecordSummary& record) {
    if (place_ != Place::kOutside) {
        report_corrupted("A transaction ends inside of another one.");
    }
    if (has_records_) {
        report_corrupted("What ends a transaction is not alone in its message.");
    }
    has_ended_ = true;
    if (record.type == WALPACK_STREAM_COMMIT || record.type == WALPACK_STREAM_PREPARE) {
        end_stream(record);
    } else if (record.type == WALPACK_STREAM_ABORT && record.subxid == record.xid) {
        hash_search(streamed_, &record.xid, HASH_REMOVE, nullptr);
    }
}

// Nothing of it may have been sent: then it has no changes, and a digest of no bytes.
void TransactionCheck::end_stream(const RecordSummary& record) {
    const auto* tally =
        static_cast<const Tally*>(hash_search(streamed_, &record.xid, HASH_FIND, nullptr));
    compare(record, tally != nullptr ? tally->changes : 0, tally != nullptr ? tally->digest : 0);
    hash_search(streamed_, &record.xid, HASH_REMOVE, nullptr);
}

void TransactionCheck::take_other(const RecordSummary& record) {
    const bool is_inside = place_ != Place::kOutside;
    const bool is_lone_message = record.type == WALPACK_MESSAGE && !record.transactional;
    if (is_lone_message && is_inside) {
        report_corrupted("A non-transactional message stands inside of a transaction.");
    }
    has_ended_ = is_lone_message;
    if (record.changes > 0 && !is_inside) {
        report_corrupted("A change stands outside of a transaction.");
    }
    if (record.type == WALPACK_ORIGIN && !is_inside) {
        report_corrupted("An origin stands outside of a transaction.");
    }
    if (record.type == WALPACK_SUBTRANSACTION && place_ != Place::kBlock) {
        report_corrupted("A subtransaction is named outside of a block.");
    }
    if (is_inside) {
        open_->changes += record.changes;
    }
}

void TransactionCheck::end_message(Bytes message) {
    if (open_ == nullptr) {
        return;
    }
    open_->digest = digest_of(message, open_->digest);
    if (place_ == Place::kOutside) {  // the block ended in this message
        open_ = nullptr;
    }
}

void TransactionCheck::finish() const {
    if (place_ != Place::kOutside) {
        report_corrupted(place_ == Place::kBlock ? "The last block has no end."
                                                 : "The last transaction has no end.");
    }
}

}  // namespace walpack::sql
