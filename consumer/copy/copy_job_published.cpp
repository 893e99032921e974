// The part of CopyJob that compares what is published with what the copy knows: published
// meanwhile, renamed, not published any more.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "copy/copy_job.h"
#include "copy/published_lookup.h"
#include "copy/target_rows.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPublishedLook{60};
// While somebody may be about to mend what keeps a table from being copied.
constexpr std::chrono::seconds kLeftOutLook{10};

// A publication names it, or a partitioned table above it.
constexpr const char* kIsNamed = R"(
SELECT 1 FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
WHERE p.pubname = ANY ($2::pg_catalog.text[])
    AND (r.prrelid = $1::pg_catalog.oid
        OR r.prrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($1) a(relid)))
LIMIT 1)";

}  // namespace

CopyJob::Published CopyJob::read_published() {
    const auto source = connect_to_source(options_.worker, stop_);
    Published published{read_published_tables(*source, options_.start.selection), {}};
    const auto lsn = source->query_value("SELECT pg_catalog.pg_current_wal_lsn()");
    published.seen_at = Lsn::parse(lsn.value_or("")).value_or(Lsn{});
    return published;
}

// The stream has brought tables that the copy does not know: they were published meanwhile. Of
// those that cannot be copied yet nothing is lost, as a snapshot that is taken later sees what was
// dropped.
void CopyJob::look_for_new_tables(Connection& target) {
    std::set<TableName> unknown;
    {
        const std::lock_guard lock(tables_.mutex);
        unknown.swap(tables_.unknown);
        std::erase_if(unknown, [this](const TableName& name) {
            return tables_.by_name.contains(name) || left_out_.contains(name);
        });
    }
    if (unknown.empty()) return;
    const Published published = read_published();
    for (const PublishedTable* each : new_among(published))
        if (unknown.contains(each->name())) take_up(*each, target);
    for (const TableName& name : unknown)
        if (find_published(published.tables, name) == published.tables.end()) ignore(name);
    tell_left_out();
    take_later_builds(target);
}

// What the catalog says is acted on when the stream has passed it: before that, changes come by
// what it said earlier.
void CopyJob::look_at_published(Connection& target) {
    const auto now = Clock::now();
    const auto interval = left_out_.empty() ? kPublishedLook : kLeftOutLook;
    if (!published_ && now - published_at_ >= interval) {
        published_at_ = now;
        try {
            published_ = read_published();
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::config) throw;
            log::warning("{}", error.report());
        }
    }
    if (!published_) return;
    {
        const std::lock_guard lock(tables_.mutex);
        if (tables_.applied < published_->seen_at) return;
    }
    const Published passed = *std::exchange(published_, std::nullopt);
    compare(passed, target);
}

void CopyJob::compare(const Published& published, Connection& target) {
    std::map<std::uint32_t, TableName> names;
    for (const PublishedTable& each : published.tables)
        names.emplace(each.relation->oid, each.name());
    forget_unpublished(published, names, target);
    const std::set<TableName> vacated = take_new_names(names, target);
    left_out_.clear();
    for (const PublishedTable* each : new_among(published)) {
        // Its changes were applied by its name, from its first row on.
        if (vacated.contains(each->name()) && !is_named(*each->relation)) {
            add_ready(*each, target);
        } else {
            take_up(*each, target);
        }
    }
    tell_left_out();
    take_later_builds(target);
}

bool CopyJob::is_known(std::uint32_t oid) {
    const std::lock_guard lock(tables_.mutex);
    return std::ranges::any_of(tables_.by_name,
                               [oid](const auto& each) { return each.second->stored.oid == oid; });
}

// Those that are none of the tables, by name or by oid.
std::vector<const PublishedTable*> CopyJob::new_among(const Published& published) {
    const std::lock_guard lock(tables_.mutex);
    std::set<std::uint32_t> known;
    for (const auto& [name, table] : tables_.by_name) known.insert(table->stored.oid);
    std::vector<const PublishedTable*> found;
    for (const PublishedTable& each : published.tables)
        if (!known.contains(each.relation->oid) && !tables_.by_name.contains(each.name()))
            found.push_back(&each);
    return found;
}

// Tables may have exchanged their names. Returns those that are nobody's any more.
std::set<TableName> CopyJob::take_new_names(const std::map<std::uint32_t, TableName>& names,
                                            Connection& target) {
    struct NewName {
        std::uint32_t oid;
        TableName before;
        TableName now;
    };
    std::vector<NewName> renamed;
    {
        const std::lock_guard lock(tables_.mutex);
        for (const auto& [name, table] : tables_.by_name) {
            const auto now = names.find(table->stored.oid);
            const bool is_ready = table->stored.state == TableState::ready;
            if (is_ready && now != names.end() && now->second != name)
                renamed.push_back({table->stored.oid, name, now->second});
        }
        // A name that another table keeps is taken when that is complete.
        std::set<TableName> given_up;
        for (const NewName& each : renamed) given_up.insert(each.before);
        std::erase_if(renamed, [&](const NewName& each) {
            return tables_.by_name.contains(each.now) && !given_up.contains(each.now);
        });
    }
    std::set<TableName> vacated;
    if (renamed.empty()) return vacated;
    Transaction transaction(target);
    for (const NewName& each : renamed)
        target.execute(catalog_.rename_table_sql(each.oid, each.now));
    transaction.commit();
    const std::lock_guard lock(tables_.mutex);
    std::vector<decltype(tables_.by_name)::node_type> nodes;
    for (const NewName& each : renamed) {
        nodes.push_back(tables_.by_name.extract(each.before));
        nodes.back().key() = nodes.back().mapped()->stored.name = each.now;
        vacated.insert(each.before);
    }
    for (auto& node : nodes) {
        vacated.erase(node.key());
        tables_.by_name.insert(std::move(node));
    }
    tables_.note_change();
    return vacated;
}

// What comes back was changed meanwhile, and is a new table then; so is one that was made anew,
// unless its publication holds all tables, and brought it from its first row on.
void CopyJob::forget_unpublished(const Published& published,
                                 const std::map<std::uint32_t, TableName>& names,
                                 Connection& target) {
    std::vector<TableName> gone;
    {
        const std::lock_guard lock(tables_.mutex);
        for (const auto& [name, table] : tables_.by_name) {
            if (!names.contains(table->stored.oid) && table->stored.state == TableState::ready)
                gone.push_back(name);
        }
    }
    for (const TableName& name : gone) {
        // One that a worker has in hand is looked at next time.
        CopyTable* const table = claim(name);
        if (table == nullptr) continue;
        try {
            forget(*table, published, target);
        } catch (...) {
            release(*table);
            throw;
        }
    }
}

// Of a table that is claimed.
void CopyJob::forget(CopyTable& table, const Published& published, Connection& target) {
    const TableName name = table.stored.name;
    const std::uint32_t oid = table.stored.oid;
    const auto anew = find_published(published.tables, name);
    const std::uint32_t new_oid =
        anew != published.tables.end() ? anew->relation->oid : std::uint32_t{0};
    // Not by one that took the name and is known: what comes of that is its own.
    const bool is_followed = new_oid != 0 && !is_known(new_oid) && !is_named(*anew->relation);
    target.execute(is_followed ? catalog_.follow_table_sql(oid, new_oid)
                               : catalog_.forget_table_sql(oid));
    if (!is_followed) {
        log::warning(
            "table \"{}.{}\" is not published any more, or was made anew: what is published under "
            "its name from now on is a new table",
            name.schema, name.table);
    }
    const std::lock_guard lock(tables_.mutex);
    if (is_followed) {
        table.stored.oid = new_oid;
        table.is_taken = false;
    } else {
        tables_.by_name.erase(name);
    }
    tables_.note_change();
}

bool CopyJob::is_named(const Relation& relation) {
    const auto source = connect_to_source(options_.worker, stop_);
    return source
        ->query_value(kIsNamed, {std::to_string(relation.oid),
                                 array_literal(options_.start.selection.publications)})
        .has_value();
}

// One that cannot be copied is left out until it can: it must not stop the others.
void CopyJob::take_up(const PublishedTable& published, Connection& target) {
    const TableName name = published.name();
    try {
        add(published, target);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::schema && error.kind() != ErrorKind::config) throw;
        leave_out(name, error);
    }
}

// What belongs to tables that are there by now.
void CopyJob::take_later_builds(Connection& target) {
    const auto waits = [this](const PostDataItem& item) {
        return item.table && left_out_.contains(*item.table);
    };
    if (std::ranges::all_of(read_items(target), waits)) return;
    take_builds(*connect_to_source(options_.worker, stop_), target);
}

void CopyJob::leave_out(const TableName& name, const Error& error) {
    left_out_[name] = error.message();
    if (!told_.insert(name).second) return;
    log::error("table \"{}.{}\" is published and cannot be copied yet, so it is left out: {}",
               name.schema, name.table, error.report());
}

void CopyJob::tell_left_out() {
    if (!options_.on_left_out) return;
    std::string text;
    for (const auto& [name, reason] : left_out_)
        text += fmt::format("{}\"{}.{}\" ({})", text.empty() ? "" : ", ", name.schema, name.table,
                            reason);
    if (text == told_text_) return;
    told_text_ = text;
    options_.on_left_out(text);
}

void CopyJob::add_ready(const PublishedTable& published, Connection& target) {
    auto table = std::make_unique<CopyTable>();
    table->stored = stored_table(published, TableState::ready);
    catalog_.add_table(target, table->stored);
    const std::lock_guard lock(tables_.mutex);
    tables_.by_name[published.name()] = std::move(table);
    tables_.note_change();
}

void CopyJob::add(const PublishedTable& published, Connection& target) {
    const TableName name = published.name();
    auto table = std::make_unique<CopyTable>();
    table->stored = stored_table(published, TableState::requested);
    table->needs_required = true;
    const std::vector<RelationMapping> mappings = map_all(target, {published});
    require_no_checked_references(*mappings.front().table, is_replica_role_);
    if (!options_.start.empties_tables) require_empty(target, mappings);
    table->builds = read_builds_of(name, target);
    assign_stages(*table);
    table->mapping = std::make_shared<const RelationMapping>(mappings.front());
    table->published = std::make_shared<const PublishedTable>(published);
    catalog_.add_table(target, table->stored);
    log::info("table {}.{} is new; it is copied{}", name.schema, name.table,
              options_.start.empties_tables ? ", whatever rows it has on the target" : "");
    told_.erase(name);
    left_out_.erase(name);
    const std::lock_guard lock(tables_.mutex);
    tables_.by_name[name] = std::move(table);
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
}

}  // namespace walpack
