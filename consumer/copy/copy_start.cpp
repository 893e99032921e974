#include "copy/copy_start.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/chunk_key.h"
#include "copy/consistent_slot.h"
#include "copy/target_rows.h"

namespace walpack {

ExactSnapshot take_exact_snapshot(const CopyStartOptions& options, Connection& source,
                                  const StopRequest& stop) {
    const ConsistentSlot slot =
        open_consistent_slot(options.source, source, options.pipeline, stop);
    Transaction transaction(source, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    source.execute("SET TRANSACTION SNAPSHOT " + quote_literal(slot.created.snapshot_name));
    const auto text = source.query_value("SELECT pg_catalog.pg_current_snapshot()");
    const auto snapshot = SourceSnapshot::parse(text.value_or(""));
    if (!snapshot)
        throw Error(ErrorKind::protocol, "the source's snapshot could not be understood")
            .detail(text.value_or("It is NULL."));
    return {slot.created.consistent_point, *snapshot};
}

ChunkPlan stored_plan(const StoredTable& stored, const Relation& relation) {
    ChunkPlan plan;
    plan.method = stored.method;
    plan.rows_estimated = stored.rows_estimated;
    plan.bytes_estimated = stored.bytes_estimated;
    if (stored.method == ChunkMethod::whole) return plan;
    for (const std::string& column : stored.key_columns) {
        const auto found = std::ranges::find(relation.attributes, column, &Attribute::name);
        WALPACK_CHECK(found != relation.attributes.end());
        plan.key_attributes.push_back(
            static_cast<std::size_t>(found - relation.attributes.begin()));
    }
    return plan;
}

void note_key(const PublishedTable& published, const std::vector<std::size_t>& attributes,
              StoredTable& stored) {
    const Relation& relation = *published.relation;
    stored.key_columns.clear();
    stored.key_kinds.clear();
    for (const std::size_t attribute : attributes) {
        const Attribute& key = relation.attributes.at(attribute);
        if (!stored.key_columns.empty()) stored.key_kinds += ',';
        stored.key_columns.push_back(key.name);
        stored.key_kinds += fmt::format("{} {} {}", to_string(key.kind), key.typmod,
                                        published.attribute_numbers.at(attribute));
    }
}

const char* why_begin_again(Connection& source, const StoredTable& stored,
                            const PublishedTable& published) {
    const bool is_published_alike =
        stored.publishing.empty() || stored.publishing == published.publishing;
    if (!is_published_alike) return "is published otherwise now";
    if (stored.method == ChunkMethod::whole) return nullptr;
    const bool is_cut_alike =
        std::ranges::any_of(read_chunk_keys(source, published), [&](const ChunkKey& key) {
            StoredTable now;
            note_key(published, key.attributes, now);
            return now.key_columns == stored.key_columns && now.key_kinds == stored.key_kinds;
        });
    return is_cut_alike ? nullptr : kCutOtherwise;
}

bool can_copy_by_chunks(const std::vector<RelationMapping>& mappings, bool is_replica_role) {
    return is_replica_role ||
           std::none_of(mappings.begin(), mappings.end(), [](const RelationMapping& mapping) {
               return mapping.table->is_referencing;
           });
}

Lsn begin_copy(const CopyStartOptions& options, Connection& source, Connection& target,
               Progress& progress, const std::vector<PublishedTable>& published,
               const StopRequest& stop) {
    log::info("waiting for a consistent point of the source");
    const ExactSnapshot exact = take_exact_snapshot(options, source, stop);
    const CopyCatalog catalog(options.pipeline);
    Transaction transaction(target);
    lock_schema(target);
    catalog.create(target);
    if (options.empties_tables) empty_tables(target, map_all(target, published), true);
    for (const PublishedTable& each : published) {
        StoredTable table = stored_table(each, TableState::waiting);
        table.required = exact.snapshot;
        table.required_lsn = exact.lsn;
        catalog.add_table(target, table);
    }
    progress.begin_copy(exact.lsn);
    transaction.commit();
    log::info("the stream begins at {}, the copy goes beside it", exact.lsn.to_string());
    return exact.lsn;
}

bool needs_replay(const CopyTables& tables) {
    return std::any_of(tables.by_name.begin(), tables.by_name.end(), [](const auto& each) {
        const auto& chunks = each.second->chunks;
        return std::any_of(chunks.begin(), chunks.end(), [](const CopyChunk& chunk) {
            return chunk.state == CopyChunk::State::loaded;
        });
    });
}

void request_beyond(const std::string& pipeline, Connection& target, Lsn end) {
    const CopyCatalog catalog(pipeline);
    if (!catalog.is_begun(target)) return;
    catalog.add_missing_columns(target);
    const StoredCopy stored = catalog.read(target);
    Transaction transaction(target);
    for (const StoredTable& table : stored.tables) {
        const bool is_beyond =
            table.required_lsn > end ||
            std::ranges::any_of(stored.chunks, [&](const StoredChunk& chunk) {
                return chunk.table_oid == table.oid && chunk.snapshot && chunk.settled_lsn > end;
            });
        if (table.state == TableState::ready || !is_beyond) continue;
        log::warning(
            "table \"{}.{}\" is copied from the start: what was read of it may be behind {}, where "
            "the source went on without what it had written since",
            table.name.schema, table.name.table, end.to_string());
        (void)catalog.request_again(target, table.name);
    }
    transaction.commit();
}

}  // namespace walpack
