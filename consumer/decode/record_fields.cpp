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
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - commit.commit_lsn.value;
    const std::uint64_t distance = fields.unsigned_integer("distance of the end LSN", room);
    if (distance == 0) fields.fail("end LSN is the commit LSN");
    commit.end_lsn = Lsn{commit.commit_lsn.value + distance};
    commit.changes = fields.uint64("number of changes");
    commit.digest = fields.uint32("digest");
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
