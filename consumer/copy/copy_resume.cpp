// A copy that an earlier run began, taken up again.
#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "copy/copy_start.h"
#include "copy/target_rows.h"

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

    void run() {
        catalog_.add_missing_columns(target_);
        StoredCopy stored = catalog_.read(target_);
        if (!stored.unseen)
            throw Error(ErrorKind::connection, "the copy's row in walpack.copy is gone");
        tables_.not_applied.unseen = std::move(*stored.unseen);
        if (stored.kept_from && *stored.kept_from < options_.available_from) give_up_kept(stored);
        forget_unselected(stored.tables);
        for (StoredTable& table : stored.tables) add(std::move(table));
        describe_unready();
        for (StoredChunk& chunk : stored.chunks) add(std::move(chunk));
        for (const auto& [name, table] : tables_.by_name) restore_chunks(*table);
    }

  private:
    // What was kept for chunks that are loaded, in memory, does not come again: their tables are
    // copied from the start.
    void give_up_kept(StoredCopy& stored) {
        Transaction transaction(target_);
        for (StoredTable& table : stored.tables) {
            const bool is_affected =
                table.state != TableState::ready &&
                std::ranges::any_of(stored.chunks, [&table](const StoredChunk& chunk) {
                    return chunk.table_oid == table.oid && chunk.snapshot && !chunk.is_live;
                });
            if (!is_affected) continue;
            log::warning(
                "table \"{}.{}\" is copied from the start: changes from {} on, which wait for "
                "parts "
                "of it that are loaded, are neither in the log nor with the source any more",
                table.name.schema, table.name.table, stored.kept_from->to_string());
            (void)catalog_.request_again(target_, table.name);
            table.state = TableState::requested;
        }
        target_.execute(catalog_.set_kept_from_sql(std::nullopt));
        transaction.commit();
    }

    // From here on their changes are left out, so whatever was copied is not kept: when the target
    // gets them again, they are new to it. Some may only have another name by now.
    void forget_unselected(std::vector<StoredTable>& stored) {
        const auto is_unselected = [this](const StoredTable& table) {
            return !options_.selection.holds(table.name);
        };
        if (std::ranges::none_of(stored, is_unselected)) return;
        std::set<std::uint32_t> oids;
        for (const PublishedTable& each : read_published_tables(source_, options_.selection))
            oids.insert(each.relation->oid);
        std::erase_if(stored, [&](const StoredTable& table) {
            if (!is_unselected(table) || oids.contains(table.oid)) return false;
            log::warning("table \"{}.{}\" is not among those that the target gets any more",
                         table.name.schema, table.name.table);
            target_.execute(catalog_.forget_table_sql(table.oid));
            return true;
        });
    }

    void add(StoredTable stored) {
        auto table = std::make_unique<CopyTable>();
        table->stored = std::move(stored);
        table->needs_required = table->stored.state == TableState::requested;
        by_oid_[table->stored.oid] = table.get();
        const TableName name = table->stored.name;
        if (!tables_.by_name.emplace(name, std::move(table)).second)
            throw Error(ErrorKind::config, "walpack.copy_table on the target has a name twice")
                .detail(fmt::format("It is {}.{}.", name.schema, name.table))
                .hint("Drop the pipeline with \"walpack drop\" and set it up again.");
    }

    // Those that are complete need no look; and it would be one at all tables at each start.
    void describe_unready() {
        const bool is_any = std::any_of(
            tables_.by_name.begin(), tables_.by_name.end(),
            [](const auto& each) { return each.second->stored.state != TableState::ready; });
        if (!is_any) return;
        std::vector<PublishedTable> published = read_published_tables(source_, options_.selection);
        follow_new(published);
        take_names(published);
        std::erase_if(published, [this](const PublishedTable& each) {
            const auto found = by_oid_.find(each.relation->oid);
            return found == by_oid_.end() || found->second->stored.state == TableState::ready;
        });
        const std::vector<RelationMapping> mappings = map_all(target_, published);
        for (std::size_t i = 0; i < published.size(); ++i) {
            CopyTable& table = *tables_.by_name.at(published[i].name());
            table.published = std::make_shared<const PublishedTable>(published[i]);
            table.mapping = std::make_shared<const RelationMapping>(mappings[i]);
        }
        forget_unpublished();
    }

    // Where the table is another one now, which has its name: what was copied is nobody's.
    void follow_new(const std::vector<PublishedTable>& published) {
        std::set<std::uint32_t> oids;
        for (const PublishedTable& each : published) oids.insert(each.relation->oid);
        for (const PublishedTable& each : published) {
            const std::uint32_t oid = each.relation->oid;
            const auto found = tables_.by_name.find(each.name());
            if (by_oid_.contains(oid) || found == tables_.by_name.end()) continue;
            CopyTable& table = *found->second;
            if (table.stored.state == TableState::ready || oids.contains(table.stored.oid))
                continue;
            Transaction transaction(target_);
            target_.execute(catalog_.follow_table_sql(table.stored.oid, oid));
            target_.execute(catalog_.request_sql(oid));
            transaction.commit();
            by_oid_.erase(table.stored.oid);
            by_oid_[oid] = &table;
            table.stored.oid = oid;
            begin_again(table, "was made anew");
        }
    }

    // The names that tables got while they were copied, and nobody was there to see it. Complete
    // ones keep theirs for now, unless it is another's.
    void take_names(const std::vector<PublishedTable>& published) {
        std::map<std::uint32_t, TableName> names;
        for (const PublishedTable& each : published) names.emplace(each.relation->oid, each.name());
        std::vector<CopyTable*> renamed;
        for (const auto& [name, table] : tables_.by_name) {
            const auto now = names.find(table->stored.oid);
            if (table->stored.state == TableState::ready || now == names.end()) continue;
            if (now->second != name) renamed.push_back(table.get());
        }
        for (std::size_t i = 0; i < renamed.size(); ++i) {
            const auto holder = tables_.by_name.find(names.at(renamed[i]->stored.oid));
            if (holder == tables_.by_name.end()) continue;
            CopyTable* const other = holder->second.get();
            if (std::ranges::find(renamed, other) != renamed.end()) continue;
            names.contains(other->stored.oid) ? renamed.push_back(other) : void(forget(holder));
        }
        for (const CopyTable* table : renamed) require_nothing_to_make(table->stored.name);
        std::vector<decltype(tables_.by_name)::node_type> nodes;
        Transaction transaction(target_);
        for (const CopyTable* table : renamed) {
            const TableName& name = names.at(table->stored.oid);
            target_.execute(catalog_.rename_table_sql(table->stored.oid, name));
            nodes.push_back(tables_.by_name.extract(table->stored.name));
            nodes.back().key() = nodes.back().mapped()->stored.name = name;
        }
        transaction.commit();
        for (auto& node : nodes) tables_.by_name.insert(std::move(node));
    }

    // Statements of the structure have the name that the table had.
    void require_nothing_to_make(const TableName& name) {
        for (const PostDataItem& item : PostData(target_, options_.pipeline).pending()) {
            if (item.table != name) continue;
            throw Error(ErrorKind::schema,
                        fmt::format("table \"{}.{}\" was renamed before its copy was complete",
                                    name.schema, name.table))
                .detail(fmt::format("{} is still to be made on the target, under the old name.",
                                    item.description))
                .hint(
                    "Rename it back on both sides until the copy is complete, or drop the pipeline "
                    "with \"walpack drop\" and set it up again.");
        }
    }

    // Nobody wants their rows any more.
    void forget_unpublished() {
        for (auto it = tables_.by_name.begin(); it != tables_.by_name.end();) {
            const CopyTable& table = *it->second;
            const bool is_wanted =
                table.stored.state == TableState::ready || table.published != nullptr;
            it = is_wanted ? std::next(it) : forget(it);
        }
    }

    using Tables = decltype(CopyTables::by_name);
    Tables::iterator forget(Tables::iterator table) {
        log::warning("table \"{}.{}\" is not published any more; its copy is given up",
                     table->first.schema, table->first.table);
        const std::uint32_t oid = table->second->stored.oid;
        target_.execute(catalog_.forget_table_sql(oid));
        by_oid_.erase(oid);
        return tables_.by_name.erase(table);
    }

    // What is stored says so already.
    void begin_again(CopyTable& table, const std::string& why) {
        log::warning("table \"{}.{}\" {}; it is copied from the start", table.stored.name.schema,
                     table.stored.name.table, why);
        table.stored.state = TableState::requested;
        table.needs_required = true;
        table.parts.clear();
        tables_.kept_has_changed = true;
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
        // Of what is all there, nothing more is read by what is published.
        const bool is_all_there = std::ranges::all_of(table.parts, &CopyPart::is_loaded);
        if (is_all_there) table.stored.publishing = table.published->publishing;
        if (const char* why = why_begin_again(source_, table.stored, *table.published)) {
            target_.execute(catalog_.request_sql(table.stored.oid));
            return begin_again(table, why);
        }
        table.stored.publishing = table.published->publishing;
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
        // First, so that a row of it that is just being retried is there to be deleted.
        if (options_.refused_rows != nullptr)
            options_.refused_rows->give_up(table.stored.name, target_);
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

void resume_copy(const CopyStartOptions& options, Connection& source, Connection& target,
                 CopyTables& tables) {
    Resumption(options, source, target, tables).run();
}

}  // namespace walpack
