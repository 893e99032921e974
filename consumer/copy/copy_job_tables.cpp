// The part of CopyJob that looks for tables: asked for again, published meanwhile, renamed.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_job.h"
#include "copy/copy_progress_text.h"
#include "copy/taken_snapshot.h"
#include "copy/target_rows.h"
#include "progress/progress.h"
#include "schema/target_session.h"
#include "structure/post_data.h"

namespace walpack {

void CopyJob::look_for_requests(Connection& target) {
    for (const TableName& name : catalog_.requested(target)) {
        CopyTable* const table = claim(name);
        if (table == nullptr) continue;
        try {
            request(*table, target);
        } catch (...) {
            release(*table);
            throw;
        }
        release(*table);
    }
}

// For the time being no worker plans, empties or finishes it. nullptr while one does, or when it is
// asked for already.
CopyTable* CopyJob::claim(const TableName& name) {
    const std::lock_guard lock(tables_.mutex);
    const auto found = tables_.by_name.find(name);
    if (found == tables_.by_name.end()) return nullptr;
    CopyTable& table = *found->second;
    if (table.is_taken || table.stored.state == TableState::requested) return nullptr;
    table.is_taken = true;
    return &table;
}

void CopyJob::release(CopyTable& table) {
    const std::lock_guard lock(tables_.mutex);
    table.is_taken = false;
    tables_.note_change();
}

// From here on nothing of it is loaded, and its changes are dropped. That it is asked for is stored
// before that, as a worker may have noted another state since it was read.
void CopyJob::request(CopyTable& table, Connection& target) {
    const TableName name = table.stored.name;
    auto described = describe(name, target);
    if (!described) {
        log::warning(
            "table \"{}.{}\" is to be copied again, but is not published: it is not copied",
            name.schema, name.table);
        target.execute(catalog_.give_up_request_sql(table.stored.oid, table.stored.state));
        return;
    }
    if (!catalog_.request_again(target, name)) return;
    log::info("table {}.{} is copied again, as requested", name.schema, name.table);
    const std::lock_guard lock(tables_.mutex);
    table.published = std::move(described->published);
    table.mapping = std::move(described->mapping);
    for (std::size_t i = 0; i < table.chunks.size(); ++i) tables_.reset(table, i);
    table.stored.state = TableState::requested;
    table.needs_required = true;
    table.dropped_from.reset();
    is_complete_ = false;
}

std::optional<PublishedTable> CopyJob::find_published(const TableName& name) {
    const auto source =
        connect_in_encoding(options_.worker.source, options_.worker.encoding, stop_);
    for (PublishedTable& each : read_published_tables(*source, options_.start.selection)) {
        if (each.relation->schema == name.schema && each.relation->name == name.table)
            return std::move(each);
    }
    return std::nullopt;
}

// As it is now: it may have been altered since it was copied. nullopt when it is not published.
std::optional<CopyJob::Described> CopyJob::describe(const TableName& name, Connection& target) {
    auto published = find_published(name);
    if (!published) return std::nullopt;
    auto mapping = std::make_shared<const RelationMapping>(map_all(target, {*published}).front());
    return Described{std::make_shared<const PublishedTable>(std::move(*published)),
                     std::move(mapping)};
}

// The stream has brought a table that the copy does not know: it was published meanwhile, or has
// another name now.
void CopyJob::look_for_new_tables(Connection& target) {
    std::optional<TableName> unknown;
    {
        const std::lock_guard lock(tables_.mutex);
        unknown = tables_.unknown;
    }
    if (!unknown) return;
    auto published = find_published(*unknown);
    if (!published) return ignore(*unknown);
    if (rename(*published, *unknown, target)) return;
    auto table = std::make_unique<CopyTable>();
    table->stored.oid = published->relation->oid;
    table->stored.name = *unknown;
    table->stored.state = TableState::requested;
    table->needs_required = true;
    const std::vector<RelationMapping> mappings = map_all(target, {*published});
    require_empty(target, mappings);
    table->mapping = std::make_shared<const RelationMapping>(mappings.front());
    table->published = std::make_shared<const PublishedTable>(std::move(*published));
    catalog_.add_table(target, table->stored);
    log::info("table {}.{} is new; it is copied", unknown->schema, unknown->table);
    const std::lock_guard lock(tables_.mutex);
    tables_.by_name[*unknown] = std::move(table);
    tables_.unknown.reset();
    is_complete_ = false;
    tables_.note_change();
}

// It was published when the changes were made, or had another name: were it published again, it
// would be new.
void CopyJob::ignore(const TableName& name) {
    if (ignored_.insert(name).second) {
        log::warning("changes of table \"{}.{}\" are left out, as no publication holds it now",
                     name.schema, name.table);
    }
    const std::lock_guard lock(tables_.mutex);
    tables_.unknown.reset();
}

bool CopyJob::rename(const PublishedTable& published, const TableName& name, Connection& target) {
    const std::lock_guard lock(tables_.mutex);
    const auto known = std::find_if(tables_.by_name.begin(), tables_.by_name.end(),
                                    [&published](const auto& each) {
                                        return each.second->stored.oid == published.relation->oid;
                                    });
    if (known == tables_.by_name.end()) return false;
    if (known->second->stored.state != TableState::ready) {
        throw Error(ErrorKind::schema,
                    fmt::format("table \"{}.{}\" was renamed while it is being copied",
                                known->first.schema, known->first.table))
            .hint("Rename it back until the copy is complete.");
    }
    target.execute(catalog_.rename_table_sql(published.relation->oid, name));
    auto node = tables_.by_name.extract(known);
    node.key() = name;
    node.mapped()->stored.name = name;
    tables_.by_name.insert(std::move(node));
    tables_.unknown.reset();
    tables_.note_change();
    return true;
}

}  // namespace walpack
