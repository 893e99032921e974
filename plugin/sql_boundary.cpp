#include "sql_boundary.h"

#include "protocol/format.h"

namespace walpack::sql {

namespace {

// The xid of the top-level transaction that the record is about.
void copy_own_xid(RecordContext& record) {
    record.summary.xid = copy_xid(record, "xid");
}

// Count and digest, which end every transaction.
void copy_tally(RecordContext& record) {
    record.summary.total = record.reader.take_unsigned("changes");
    record.summary.digest =
        static_cast<uint32_t>(record.reader.take_unsigned("digest", UINT32_MAX));
    record.json.key("changes");
    record.json.unsigned_integer(record.summary.total);
    record.json.key("digest");
    record.json.unsigned_integer(record.summary.digest);
}

void copy_own_lsn(RecordContext& record, const char* key) {
    record.summary.lsn = copy_lsn(record, key);
}

void copy_end_lsn(RecordContext& record) {
    copy_lsn_after(record, record.summary.lsn, "end_lsn");
}

// A single message has one transaction at most, and nobody asks for its scope later: whatever the
// bytes say, one scope at a time is enough.
void enter_own_scope(RecordContext& record) {
    if (!record.session.requires_relations) {
        record.session.scopes.end_current();
    }
    record.session.scopes.enter(record.summary.xid);
}

void leave_own_scope(RecordContext& record) {
    if (record.session.requires_relations) {
        record.session.scopes.leave();
    } else {
        record.session.scopes.end_current();
    }
}

void write_begin(RecordContext& record) {
    require_fields(record, 3);
    write_name(record, "begin");
    copy_own_xid(record);
    copy_own_lsn(record, "commit_lsn");
    copy_time(record, "time");
    leave_own_scope(record);
}

void write_commit(RecordContext& record) {
    require_fields(record, 4);
    write_name(record, "commit");
    copy_own_lsn(record, "commit_lsn");
    copy_end_lsn(record);
    copy_tally(record);
}

void write_origin(RecordContext& record) {
    require_fields(record, 1);
    write_name(record, "origin");
    copy_text(record, "name");
}

void write_stream_start(RecordContext& record) {
    require_fields(record, 1);
    write_name(record, "stream_start");
    copy_own_xid(record);
    enter_own_scope(record);
}

void write_stream_stop(RecordContext& record) {
    require_fields(record, 0);
    write_name(record, "stream_stop");
    leave_own_scope(record);
}

void write_subtransaction(RecordContext& record) {
    require_fields(record, 1);
    write_name(record, "subtransaction");
    record.summary.subxid = copy_xid(record, "xid");
}

void write_stream_abort(RecordContext& record) {
    require_fields(record, 2);
    write_name(record, "stream_abort");
    copy_own_xid(record);
    record.summary.subxid = copy_xid(record, "subxid");
    if (record.summary.subxid == record.summary.xid) {
        record.session.scopes.end(record.summary.xid);
    }
}

void write_stream_commit(RecordContext& record) {
    require_fields(record, 6);
    write_name(record, "stream_commit");
    copy_own_xid(record);
    copy_own_lsn(record, "commit_lsn");
    copy_end_lsn(record);
    copy_time(record, "time");
    copy_tally(record);
    record.session.scopes.end(record.summary.xid);
}

void write_begin_prepare(RecordContext& record) {
    require_fields(record, 4);
    write_name(record, "begin_prepare");
    copy_own_xid(record);
    copy_own_lsn(record, "prepare_lsn");
    copy_time(record, "time");
    copy_text(record, "gid");
    enter_own_scope(record);
}

// It names no xid, but the transaction it ends is the one that is entered.
void write_prepare(RecordContext& record) {
    require_fields(record, 4);
    write_name(record, "prepare");
    copy_own_lsn(record, "prepare_lsn");
    copy_end_lsn(record);
    copy_tally(record);
    record.session.scopes.end_current();
}

void write_stream_prepare(RecordContext& record) {
    require_fields(record, 7);
    write_name(record, "stream_prepare");
    copy_own_xid(record);
    copy_own_lsn(record, "prepare_lsn");
    copy_end_lsn(record);
    copy_time(record, "time");
    copy_text(record, "gid");
    copy_tally(record);
    record.session.scopes.end(record.summary.xid);
}

void write_commit_prepared(RecordContext& record) {
    require_fields(record, 5);
    write_name(record, "commit_prepared");
    copy_own_xid(record);
    copy_text(record, "gid");
    copy_own_lsn(record, "commit_lsn");
    copy_end_lsn(record);
    copy_time(record, "time");
}

void write_rollback_prepared(RecordContext& record) {
    require_fields(record, 6);
    write_name(record, "rollback_prepared");
    copy_own_xid(record);
    copy_text(record, "gid");
    copy_lsn(record, "prepare_end_lsn");
    copy_time(record, "prepare_time");
    copy_lsn(record, "end_lsn");
    copy_time(record, "time");
}

struct Boundary {
    int type;
    void (*write)(RecordContext& record);
};

constexpr Boundary kBoundaries[] = {
    {WALPACK_BEGIN, write_begin},
    {WALPACK_COMMIT, write_commit},
    {WALPACK_ORIGIN, write_origin},
    {WALPACK_STREAM_START, write_stream_start},
    {WALPACK_STREAM_STOP, write_stream_stop},
    {WALPACK_SUBTRANSACTION, write_subtransaction},
    {WALPACK_STREAM_ABORT, write_stream_abort},
    {WALPACK_STREAM_COMMIT, write_stream_commit},
    {WALPACK_BEGIN_PREPARE, write_begin_prepare},
    {WALPACK_PREPARE, write_prepare},
    {WALPACK_STREAM_PREPARE, write_stream_prepare},
    {WALPACK_COMMIT_PREPARED, write_commit_prepared},
    {WALPACK_ROLLBACK_PREPARED, write_rollback_prepared},
};

}  // namespace

bool write_boundary(RecordContext& record) {
    for (const Boundary& boundary : kBoundaries) {
        if (boundary.type == record.summary.type) {
            boundary.write(record);
            return true;
        }
    }
    return false;
}

}  // namespace walpack::sql
