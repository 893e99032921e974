// The part of CopyJob that copies tables again which are asked for.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_error.h"
#include "copy/copy_job.h"
#include "copy/published_lookup.h"
#include "copy/target_rows.h"
#include "progress/progress.h"
#include "schema/target_session.h"
#include "structure/post_data.h"

namespace walpack {

void CopyJob::look_for_requests(Connection& target) {
    for (CopyTable* table : undescribed()) describe_again(*table, target);
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

// Those that begin again because of what the stream has brought of them.
std::vector<CopyTable*> CopyJob::undescribed() {
    const std::lock_guard lock(tables_.mutex);
    std::vector<CopyTable*> found;
    for (const auto& [name, table] : tables_.by_name)
        if (table->stored.state == TableState::requested && table->needs_description)
            found.push_back(table.get());
    return found;
}

// No worker has anything to do with it before.
void CopyJob::describe_again(CopyTable& table, Connection& target) {
    auto described = describe(table.stored.name, target);
    if (!described || described->published->relation->oid != table.stored.oid)
        throw another_table(table.stored.name);
    const std::lock_guard lock(tables_.mutex);
    table.published = std::move(described->published);
    table.mapping = std::move(described->mapping);
    table.needs_description = false;
    tables_.note_change();
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
        return give_up_request(
            table, target,
            fmt::format(
                "table \"{}.{}\" is to be copied again, but is not published: it is not copied",
                name.schema, name.table));
    }
    const std::uint32_t oid = described->published->relation->oid;
    if (oid != table.stored.oid && is_known(oid)) {
        return give_up_request(
            table, target,
            fmt::format("table \"{}.{}\" is to be copied again, but another table of the pipeline "
                        "has that name now: ask again in a minute",
                        name.schema, name.table));
    }
    try {
        require_no_checked_references(*described->mapping->table, is_replica_role_);
    } catch (const Error& error) {
        return give_up_request(table, target, error.report());
    }
    if (!ask_for(table, oid, target)) return;
    log::info("table {}.{} is copied again, as requested", name.schema, name.table);
    const std::lock_guard lock(tables_.mutex);
    table.published = std::move(described->published);
    table.mapping = std::move(described->mapping);
    for (std::size_t i = 0; i < table.chunks.size(); ++i) tables_.reset(table, i);
    table.stored.state = TableState::requested;
    table.taken_back = {};
    if (table.is_shown) {
        TableFigures figures;
        figures.name = fmt::format("{}.{}", name.schema, name.table);
        figures.rows_estimated = table.stored.rows_estimated;
        figures.bytes_estimated = table.stored.bytes_estimated;
        progress_.restart_table(table.progress_number, std::move(figures));
    }
    table.needs_required = true;
    table.needs_description = false;
    table.dropped_from.reset();
    is_complete_ = false;
}

// False when the target does not know it any more.
bool CopyJob::ask_for(CopyTable& table, std::uint32_t oid, Connection& target) {
    const std::uint32_t before = table.stored.oid;
    if (oid == before) return catalog_.request_again(target, table.stored.name);
    // It was made anew, which nobody has noticed yet.
    Transaction transaction(target);
    target.execute(catalog_.follow_table_sql(before, oid));
    const bool is_known = catalog_.request_again(target, table.stored.name);
    transaction.commit();
    const std::lock_guard lock(tables_.mutex);
    table.stored.oid = oid;
    return is_known;
}

void CopyJob::give_up_request(const CopyTable& table, Connection& target, const std::string& why) {
    log::warning("{}", why);
    target.execute(catalog_.give_up_request_sql(table.stored.oid, table.stored.state));
}

// As it is now: it may have been altered since it was copied. nullopt when it is not published.
std::optional<CopyJob::Described> CopyJob::describe(const TableName& name, Connection& target) {
    const std::vector<PublishedTable> published = read_published().tables;
    const auto found = find_published(published, name);
    if (found == published.end()) return std::nullopt;
    auto mapping = std::make_shared<const RelationMapping>(map_all(target, {*found}).front());
    return Described{std::make_shared<const PublishedTable>(*found), std::move(mapping)};
}

}  // namespace walpack
