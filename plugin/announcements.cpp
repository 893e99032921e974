#include "announcements.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/format.h"
#include "relation_encoder.h"

namespace walpack::plugin {
namespace {

constexpr size_t kFirstBlockBytes = 1024;

void write_due_notices(PluginState& state) {
    const PublicationFilter& filter = state.relations->filter;
    for (int index = 0; index < filter.named_count; ++index) {
        NamedPublication& named = filter.named[index];
        if (!named.notice_is_due) continue;
        PackBuffer& out = state.writer.begin_record();
        out.array(3);
        out.unsigned_integer(WALPACK_NOTICE);
        out.unsigned_integer(WALPACK_NOTICE_PUBLICATION_MISSING);
        out.text(named.name);
        state.writer.end_record();
        named.notice_is_due = false;
    }
}

void write_relation(PluginState& state, const RelationEntry& entry, uint32_t version) {
    encode_relation(state.writer.begin_record(), entry, version);
    state.writer.end_record();
}

/*
 * Most invalidations change nothing that a reader is told (a vacuum, an index, another partition),
 * so a relation is described again only when its description differs. Never zero.
 */
uint64_t digest_of_description(const RelationEntry& entry) {
    PackBuffer out;
    out.open(grow_block, nullptr, true);
    out.give_block(static_cast<char*>(palloc(kFirstBlockBytes)), kFirstBlockBytes, 0);
    encode_relation(out, entry, 0);
    const uint64_t digest = XXH3_64bits(out.block(), out.size());
    pfree(out.block());
    return digest == 0 ? 1 : digest;
}

/* Nothing is noted before the record is complete: an error may tear it. */
void describe_to_all(PluginState& state, RelationEntry& entry) {
    if (entry.described == entry.content) return;
    write_relation(state, entry, entry.version + 1);
    ++entry.version;
    entry.described = entry.content;
}

void describe_to_uncommitted(PluginState& state, RelationEntry& entry) {
    const TransactionId xid = state.uncommitted_xid;
    if (entry.told_xid == xid && entry.told_described == entry.content) return;
    RelationDescription& description = description_of(*state.uncommitted, entry.id);
    if (description.content != entry.content) {
        write_relation(state, entry, description.version + 1);
        ++description.version;
        description.content = entry.content;
    }
    entry.told_xid = xid;
    entry.told_described = entry.content;
}

/* Empty when the origin was dropped since. */
const char* name_of_origin(OriginId origin) {
    char* name = nullptr;
    if (origin == kNoOrigin || !replorigin_by_oid(origin, true, &name)) return "";
    return name;
}

}  // namespace

void announce_source(PluginState& state, const ChangeSource& source) {
    MessageWriter& writer = state.writer;
    if (source.origin != writer.origin())
        writer.write_origin(source.origin, name_of_origin(source.origin));
    if (writer.is_in_block() && source.xid != writer.subtransaction())
        writer.write_subtransaction(source.xid);
}

void announce_relation(PluginState& state, RelationEntry& entry) {
    write_due_notices(state);
    if (entry.id == 0) take_id(*state.relations, entry);
    if (entry.content == 0) entry.content = digest_of_description(entry);
    if (state.uncommitted == nullptr)
        describe_to_all(state, entry);
    else
        describe_to_uncommitted(state, entry);
}

}  // namespace walpack::plugin
