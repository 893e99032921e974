#include "copy/copy_start.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/consistent_slot.h"
#include "copy/target_rows.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

using State = CopyChunk::State;

class Resumption {
  public:
    Resumption(const CopyStartOptions& options, Connection& source, Connection& target,
               CopyTables& tables)
        : options_(options),
          source_(source),
          target_(target),
          tables_(tables),
          catalog_(options.pipeline) {}

    bool run() {
        StoredCopy stored = catalog_.read(target_);
        if (!stored.unseen) return false;
        tables_.unseen = std::move(*stored.unseen);
        for (StoredTable& table : stored.tables) add(std::move(table));
        describe_unready();
        for (StoredChunk& chunk : stored.chunks) add(std::move(chunk));
        for (const auto& [name, table] : tables_.by_name) restore_chunks(*table);
        return true;
    }

  private:
    void add(StoredTable stored) {
        auto table = std::make_unique<CopyTable>();
        table->stored = std::move(stored);
        table->needs_required = table->stored.state == TableState::requested;
        by_oid_[table->stored.oid] = table.get();
        const TableName name = table->stored.name;
        tables_.by_name[name] = std::move(table);
    }

    // Those that are complete need no look; and it would be one at all tables at each start.
    void describe_unready() {
        const bool is_any = std::any_of(
            tables_.by_name.begin(), tables_.by_name.end(),
            [](const auto& each) { return each.second->stored.state != TableState::ready; });
        if (!is_any) return;
        std::vector<PublishedTable> unready;
        for (PublishedTable& published : read_published_tables(source_, options_.selection)) {
            const auto found = by_oid_.find(published.relation->oid);
            if (found == by_oid_.end() || found->second->stored.state == TableState::ready)
                continue;
            rename(*found->second, published.name());
            unready.push_back(std::move(published));
        }
        const std::vector<RelationMapping> mappings = map_all(target_, unready);
        for (std::size_t i = 0; i < unready.size(); ++i) {
            CopyTable& table = *tables_.by_name.at(unready[i].name());
            table.published = std::make_shared<const PublishedTable>(unready[i]);
            table.mapping = std::make_shared<const RelationMapping>(mappings[i]);
        }
        forget_unpublished();
    }

    // While it was being copied, and nobody was there to see it.
    void rename(const CopyTable& table, const TableName& name) {
        if (table.stored.name == name) return;
        target_.execute(catalog_.rename_table_sql(table.stored.oid, name));
        auto node = tables_.by_name.extract(table.stored.name);
        node.key() = name;
        node.mapped()->stored.name = name;
        tables_.by_name.insert(std::move(node));
    }

    // Nobody wants their rows any more.
    void forget_unpublished() {
        for (auto it = tables_.by_name.begin(); it != tables_.by_name.end();) {
            const CopyTable& table = *it->second;
            if (table.stored.state == TableState::ready || table.published != nullptr) {
                ++it;
                continue;
            }
            log::warning("table \"{}.{}\" is not published any more; its copy is given up",
                         it->first.schema, it->first.table);
            target_.execute(catalog_.forget_table_sql(table.stored.oid));
            by_oid_.erase(table.stored.oid);
            it = tables_.by_name.erase(it);
        }
    }

    void add(StoredChunk chunk) {
        const auto found = by_oid_.find(chunk.table_oid);
        // What is to be copied again has nothing that counts.
        if (found == by_oid_.end() || found->second->stored.state == TableState::requested) return;
        CopyPart part;
        part.is_loaded = chunk.snapshot.has_value();
        part.stored = std::move(chunk);
        found->second->parts.push_back(std::move(part));
    }

    void restore_chunks(CopyTable& table) {
        if (table.parts.empty() || table.published == nullptr) return;
        const Relation& relation = *table.published->relation;
        table.load = std::make_shared<const TableLoad>(
            make_table_load(table.published, table.mapping, stored_plan(table.stored, relation)));
        table.chunks.resize(table.is_whole() ? 1 : table.parts.size());
        if (table.is_whole()) return restore_whole(table);
        for (std::size_t i = 0; i < table.parts.size(); ++i)
            restore(table.chunks[i], table.parts[i].stored);
    }

    static void restore(CopyChunk& chunk, const StoredChunk& stored) {
        if (!stored.snapshot) return;
        chunk.snapshot = stored.snapshot;
        chunk.settled_lsn = stored.settled_lsn;
        chunk.state = stored.is_live ? State::live : State::loaded;
    }

    // The snapshot of a table that is one chunk ended with the session that had it.
    void restore_whole(CopyTable& table) {
        const auto is_loaded = [](const CopyPart& part) { return part.is_loaded; };
        if (std::all_of(table.parts.begin(), table.parts.end(), is_loaded))
            return restore(table.chunks.front(), table.parts.front().stored);
        if (std::none_of(table.parts.begin(), table.parts.end(), is_loaded)) return;
        log::info("the copy of \"{}\" begins again, as it is one snapshot's",
                  table.published->relation->qualified_name());
        Transaction transaction(target_);
        empty_table(target_, *table.load->mapping->table);
        for (CopyPart& part : table.parts) {
            target_.execute(catalog_.reset_chunk_sql(table.stored.oid, part.stored.number));
            part.is_loaded = false;
            part.stored.snapshot.reset();
        }
        transaction.commit();
    }

    const CopyStartOptions& options_;
    Connection& source_;
    Connection& target_;
    CopyTables& tables_;
    CopyCatalog catalog_;
    std::map<std::uint32_t, CopyTable*> by_oid_;
};

}  // namespace

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
    const auto found = std::find_if(
        relation.attributes.begin(), relation.attributes.end(),
        [&stored](const Attribute& attribute) { return attribute.name == stored.key_column; });
    if (found == relation.attributes.end()) {
        throw Error(ErrorKind::schema,
                    fmt::format("column \"{}\" of table \"{}\", by whose ranges it is being "
                                "copied, is gone",
                                stored.key_column, relation.qualified_name()))
            .hint("Run \"walpack recopy\" for the table.");
    }
    plan.key_attribute = static_cast<std::size_t>(found - relation.attributes.begin());
    return plan;
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
        return std::any_of(chunks.begin(), chunks.end(),
                           [](const CopyChunk& chunk) { return chunk.state == State::loaded; });
    });
}

bool resume_copy(const CopyStartOptions& options, Connection& source, Connection& target,
                 CopyTables& tables) {
    return Resumption(options, source, target, tables).run();
}

}  // namespace walpack
