#include "sql_transaction.h"

// The hash is compiled in: the library links nothing beyond the C library.
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

}  // namespace

void TransactionCheck::begin_message() {
    was_inside_ = is_inside_;
    has_ended_ = false;
}

void TransactionCheck::take_record(const RecordSummary& record, Bytes message) {
    if (has_ended_) {
        report_corrupted("A record follows the end of its transaction in the same message.");
    }
    switch (record.type) {
        case WALPACK_BEGIN:
            take_begin(record);
            break;
        case WALPACK_COMMIT:
            take_commit(record, message);
            break;
        default:
            take_other(record);
    }
}

void TransactionCheck::take_begin(const RecordSummary& record) {
    if (is_inside_) {
        report_corrupted("A transaction begins inside of another one.");
    }
    is_inside_ = true;
    was_inside_ = true;
    commit_lsn_ = record.commit_lsn;
    changes_ = 0;
    digest_ = 0;
}

void TransactionCheck::take_commit(const RecordSummary& record, Bytes message) {
    if (!is_inside_ || record.commit_lsn != commit_lsn_) {
        report_corrupted("A commit does not belong to the transaction before it.");
    }
    if (record.total != changes_) {
        report_corrupted(psprintf(
            "The commit counts " UINT64_FORMAT " changes, " UINT64_FORMAT " were received.",
            static_cast<uint64>(record.total), static_cast<uint64>(changes_)));
    }
    digest_ = digest_of(message.first(record.offset), digest_);
    if (record.digest != static_cast<uint32_t>(digest_)) {
        report_corrupted(psprintf("The commit has digest %u, the transaction's bytes have %u.",
                                  record.digest, static_cast<uint32_t>(digest_)));
    }
    is_inside_ = false;
    has_ended_ = true;
}

void TransactionCheck::take_other(const RecordSummary& record) {
    const bool is_lone_message = record.type == WALPACK_MESSAGE && !record.transactional;
    if (is_lone_message && is_inside_) {
        report_corrupted("A non-transactional message stands inside of a transaction.");
    }
    has_ended_ = is_lone_message;
    if (record.changes > 0 && !is_inside_) {
        report_corrupted("A change stands outside of a transaction.");
    }
    changes_ += record.changes;
}

void TransactionCheck::end_message(Bytes message) {
    if (was_inside_ && is_inside_) {
        digest_ = digest_of(message, digest_);
    }
}

void TransactionCheck::finish() const {
    if (is_inside_) {
        report_corrupted("The last transaction has no commit.");
    }
}

}  // namespace walpack::sql
