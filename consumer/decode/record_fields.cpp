#include "decode/record_fields.h"

#include <limits>

#include <fmt/format.h>

#include "protocol/format.h"

namespace walpack {
namespace {

// 0 is the server's "no position".
Lsn read_lsn(FieldReader& fields, std::string_view what) {
    const Lsn lsn{fields.uint64(what)};
    if (!lsn.is_valid()) fields.fail(fmt::format("{} is 0", what));
    return lsn;
}

// The end of the record that starts at `start`, written as the distance from there.
Lsn read_end_lsn(FieldReader& fields, Lsn start, std::string_view start_name) {
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - start.value;
    const std::uint64_t distance = fields.unsigned_integer("distance of the end LSN", room);
    if (distance == 0) fields.fail(fmt::format("end LSN is the {}", start_name));
    return Lsn{start.value + distance};
}

Totals read_totals(FieldReader& fields) {
    Totals totals;
    totals.changes = fields.uint64("number of changes");
    totals.digest = fields.uint32("digest");
    return totals;
}

}  // namespace

Hello read_hello(FieldReader& fields) {
    fields.expect_elements(8);
    Hello hello;
    hello.protocol_version = fields.uint32("protocol version");
    hello.plugin_version = fields.text("plugin version");
    hello.server_version = fields.uint32("server version");
    hello.system_identifier = fields.uint64("system identifier");
    hello.database = fields.name("database name");
    hello.encoding = fields.name("encoding");
    const std::uint64_t options = fields.map("options");
    for (std::uint64_t i = 0; i < options; ++i) {
        const std::string name = fields.name("option name");
        const std::string value(fields.text("option value"));
        if (!hello.options.emplace(name, value).second)
            fields.fail(fmt::format("option \"{}\" stands twice", name));
    }
    return hello;
}

Begin read_begin(FieldReader& fields) {
    fields.expect_elements(4);
    Begin begin;
    begin.xid = fields.uint32("transaction id");
    begin.commit_lsn = read_lsn(fields, "commit LSN");
    begin.commit_time = fields.int64("commit time");
    return begin;
}

Commit read_commit(FieldReader& fields) {
    fields.expect_elements(5);
    Commit commit;
    commit.commit_lsn = read_lsn(fields, "commit LSN");
    commit.end_lsn = read_end_lsn(fields, commit.commit_lsn, "commit LSN");
    commit.totals = read_totals(fields);
    return commit;
}

Truncate read_truncate(FieldReader& fields, const RelationMap& relations) {
    fields.expect_elements(3);
    Truncate truncate;
    const std::uint32_t flags = fields.flags(
        "truncate flags", WALPACK_TRUNCATE_CASCADE | WALPACK_TRUNCATE_RESTART_IDENTITY);
    truncate.cascade = (flags & WALPACK_TRUNCATE_CASCADE) != 0;
    truncate.restart_identity = (flags & WALPACK_TRUNCATE_RESTART_IDENTITY) != 0;
    const std::uint64_t count = fields.array("truncated relations");
    if (count == 0) fields.fail("truncate names no relation");
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t id = fields.uint32("relation id");
        const KnownRelation* known = relations.find(id);
        if (known == nullptr) fields.fail(fmt::format("relation {} was not described", id));
        truncate.relations.push_back(known->relation);
    }
    return truncate;
}

LogicalMessage read_message(FieldReader& fields) {
    fields.expect_elements(5);
    LogicalMessage message;
    const std::uint32_t flags = fields.flags("message flags", WALPACK_MESSAGE_TRANSACTIONAL);
    message.is_transactional = (flags & WALPACK_MESSAGE_TRANSACTIONAL) != 0;
    message.lsn = Lsn{fields.uint64("message LSN")};
    message.prefix = fields.text("message prefix");
    message.content = fields.bin("message content");
    return message;
}

Notice read_notice(FieldReader& fields) {
    fields.expect_elements(3);
    Notice notice;
    notice.code = fields.uint32("notice code");
    if (notice.code != WALPACK_NOTICE_PUBLICATION_MISSING)
        fields.fail(fmt::format("notice code {} is unknown", notice.code));
    notice.text = fields.text("notice text");
    return notice;
}

Origin read_origin(FieldReader& fields) {
    fields.expect_elements(2);
    return {fields.text("origin name")};
}

StreamStart read_stream_start(FieldReader& fields) {
    fields.expect_elements(2);
    return {fields.uint32("transaction id")};
}

StreamStop read_stream_stop(FieldReader& fields) {
    fields.expect_elements(1);
    return {};
}

Subtransaction read_subtransaction(FieldReader& fields) {
    fields.expect_elements(2);
    return {fields.uint32("subtransaction id")};
}

StreamAbort read_stream_abort(FieldReader& fields) {
    fields.expect_elements(3);
    StreamAbort abort;
    abort.xid = fields.uint32("transaction id");
    abort.subtransaction_xid = fields.uint32("subtransaction id");
    return abort;
}

StreamCommit read_stream_commit(FieldReader& fields) {
    fields.expect_elements(7);
    StreamCommit commit;
    commit.xid = fields.uint32("transaction id");
    commit.commit_lsn = read_lsn(fields, "commit LSN");
    commit.end_lsn = read_end_lsn(fields, commit.commit_lsn, "commit LSN");
    commit.commit_time = fields.int64("commit time");
    commit.totals = read_totals(fields);
    return commit;
}

BeginPrepare read_begin_prepare(FieldReader& fields) {
    fields.expect_elements(5);
    BeginPrepare begin;
    begin.xid = fields.uint32("transaction id");
    begin.prepare_lsn = read_lsn(fields, "prepare LSN");
    begin.prepare_time = fields.int64("prepare time");
    begin.gid = fields.text("gid");
    return begin;
}

Prepare read_prepare(FieldReader& fields) {
    fields.expect_elements(5);
    Prepare prepare;
    prepare.prepare_lsn = read_lsn(fields, "prepare LSN");
    prepare.end_lsn = read_end_lsn(fields, prepare.prepare_lsn, "prepare LSN");
    prepare.totals = read_totals(fields);
    return prepare;
}

StreamPrepare read_stream_prepare(FieldReader& fields) {
    fields.expect_elements(8);
    StreamPrepare prepare;
    prepare.xid = fields.uint32("transaction id");
    prepare.prepare_lsn = read_lsn(fields, "prepare LSN");
    prepare.end_lsn = read_end_lsn(fields, prepare.prepare_lsn, "prepare LSN");
    prepare.prepare_time = fields.int64("prepare time");
    prepare.gid = fields.text("gid");
    prepare.totals = read_totals(fields);
    return prepare;
}

CommitPrepared read_commit_prepared(FieldReader& fields) {
    fields.expect_elements(6);
    CommitPrepared commit;
    commit.xid = fields.uint32("transaction id");
    commit.gid = fields.text("gid");
    commit.commit_lsn = read_lsn(fields, "commit LSN");
    commit.end_lsn = read_end_lsn(fields, commit.commit_lsn, "commit LSN");
    commit.commit_time = fields.int64("commit time");
    return commit;
}

RollbackPrepared read_rollback_prepared(FieldReader& fields) {
    fields.expect_elements(7);
    RollbackPrepared rollback;
    rollback.xid = fields.uint32("transaction id");
    rollback.gid = fields.text("gid");
    rollback.prepare_end_lsn = read_lsn(fields, "end LSN of the prepare");
    rollback.prepare_time = fields.int64("prepare time");
    rollback.end_lsn = read_lsn(fields, "end LSN");
    rollback.rollback_time = fields.int64("rollback time");
    return rollback;
}

Compressed read_compressed(FieldReader& fields) {
    fields.expect_elements(4);
    Compressed compressed;
    const std::uint32_t method = fields.uint32("compression method");
    if (method < WALPACK_COMPRESSION_LZ4 || method > WALPACK_COMPRESSION_ZSTD_COLUMNS)
        fields.fail(fmt::format("compression method {} is unknown", method));
    compressed.method = method;
    compressed.message_bytes = fields.uint64("number of bytes");
    compressed.compressed = fields.bin("compressed bytes");
    return compressed;
}

Fragment read_fragment(FieldReader& fields) {
    fields.expect_elements(3);
    const std::uint32_t flags =
        fields.flags("fragment flags",
                     WALPACK_FRAGMENT_FIRST | WALPACK_FRAGMENT_LAST | WALPACK_FRAGMENT_ABANDONED);
    Fragment fragment;
    fragment.is_first = (flags & WALPACK_FRAGMENT_FIRST) != 0;
    fragment.is_last = (flags & WALPACK_FRAGMENT_LAST) != 0;
    fragment.is_abandoned = (flags & WALPACK_FRAGMENT_ABANDONED) != 0;
    if (fragment.is_abandoned && (fragment.is_first || fragment.is_last))
        fields.fail("abandoned fragment is also a first or last one");
    fragment.bytes = fields.bin("fragment bytes");
    if (fragment.is_abandoned && !fragment.bytes.empty())
        fields.fail("abandoned fragment has bytes");
    return fragment;
}

}  // namespace walpack
