#include "copy/copy_job.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_progress_text.h"
#include "copy/taken_snapshot.h"
#include "copy/target_rows.h"
#include "progress/progress.h"
#include "schema/target_session.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;
using Stage = CopyBuild::Stage;

// How soon what the source's sessions see is looked at, while someone waits for it.
constexpr std::chrono::milliseconds kSourceLook{100};
constexpr std::chrono::seconds kRequestLook{1};
constexpr std::chrono::seconds kReportInterval{10};
constexpr std::chrono::milliseconds kViewInterval{500};

// The index by which the source says which row is meant.
constexpr const char* kIdentityIndexes = R"(
SELECT n.nspname, c.relname, x.relname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE (c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))";

void sleep_unless_stopped(std::chrono::milliseconds delay, const StopRequest& stop) {
    pollfd fd{stop.fd(), POLLIN, 0};
    poll(&fd, 1, static_cast<int>(delay.count()));
}

bool is_about_index(const PostDataItem& item, const std::string& index) {
    return item.statement.find(quote_identifier(index)) != std::string::npos ||
           item.statement.find(" " + index + " ") != std::string::npos;
}

}  // namespace

CopyJob::CopyJob(CopyJobOptions options, CopyTables& tables, Connection& source, Connection& target)
    : options_(std::move(options)),
      tables_(tables),
      catalog_(options_.start.pipeline),
      work_(tables),
      rate_limit_(options_.rate_limit) {
    assign_builds(source, target);
    for (const auto& [name, table] : tables_.by_name) {
        if (!table->parts.empty()) table->progress_number = progress_.add_table(table->figures());
    }
    for (std::uint64_t i = 0; i < options_.copy_workers; ++i)
        threads_.emplace_back([this] { work(); });
    threads_.emplace_back([this] { watch(); });
}

CopyJob::~CopyJob() {
    stop_.request();
    {
        const std::lock_guard lock(tables_.mutex);
        tables_.changed.notify_all();
    }
    threads_.clear();
    if (options_.on_progress) options_.on_progress(std::nullopt);
}

// A key by which changes find their rows must be there first. Another unique index may not be
// there while chunks are of different moments; a table that is one chunk is of one.
void CopyJob::assign_builds(Connection& source, Connection& target) {
    std::map<TableName, std::string> identity;
    const Result indexes = source.execute(kIdentityIndexes);
    for (int row = 0; row < indexes.rows(); ++row) {
        identity[{std::string(indexes.value(row, 0)), std::string(indexes.value(row, 1))}] =
            indexes.value(row, 2);
    }
    for (PostDataItem& item : PostData(target, options_.start.pipeline).pending()) {
        const auto found = item.table ? tables_.by_name.find(*item.table) : tables_.by_name.end();
        CopyBuild build;
        const bool is_of_copied =
            found != tables_.by_name.end() && found->second->stored.state != TableState::ready;
        if (is_of_copied && item.kind == PostDataKind::key) {
            const auto index = identity.find(*item.table);
            build.stage = index != identity.end() && is_about_index(item, index->second)
                              ? Stage::key
                              : Stage::settled;
        } else if (is_of_copied && item.kind == PostDataKind::index) {
            build.stage = Stage::index;
        }
        build.item = std::move(item);
        auto& builds = build.stage == Stage::last ? tables_.builds : found->second->builds;
        builds.push_back(std::move(build));
    }
    for (const auto& [name, table] : tables_.by_name)
        table->is_built =
            is_done(table->builds, Stage::key) && is_done(table->builds, Stage::index);
}

void CopyJob::fail(std::exception_ptr error) {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::move(error);
}

void CopyJob::throw_if_failed() {
    const std::lock_guard lock(failure_mutex_);
    if (failure_) std::rethrow_exception(failure_);
}

void CopyJob::work() {
    const CopyWorkerShared shared{tables_, work_, progress_, rate_limit_};
    CopyWorker worker(options_.worker, shared, stop_);
    auto delay = options_.retry_delay_min;
    while (!stop_.requested()) {
        const std::optional<CopyTask> task = work_.next(stop_);
        if (!task) {
            // Everything is done; a table may be asked for again.
            worker.disconnect();
            sleep_unless_stopped(kRequestLook, stop_);
            continue;
        }
        if (!do_task(worker, *task, delay)) return;
    }
}

// False when the copy has failed.
bool CopyJob::do_task(CopyWorker& worker, const CopyTask& task, std::chrono::milliseconds& delay) {
    try {
        worker.run(task);
        work_.release(task);
        delay = options_.retry_delay_min;
        return true;
    } catch (const Error& error) {
        worker.disconnect();
        work_.release(task);
        if (error.kind() == ErrorKind::cancelled) return false;
        if (error.kind() == ErrorKind::connection) {
            log::warning("{}; the copy tries again in {} ms", error.report(), delay.count());
            sleep_unless_stopped(delay, stop_);
            delay = std::min(delay * 2, options_.retry_delay_max);
            return true;
        }
        if (error.kind() == ErrorKind::schema && task.table != nullptr && is_altered(*task.table)) {
            log::warning("{}; table {}.{} was altered, its copy goes on", error.report(),
                         task.table->stored.name.schema, task.table->stored.name.table);
            return true;
        }
        fail(std::current_exception());
        return false;
    }
}

// Looks at the table again on both sides; true when it is not what it was. As for the stream, both
// sides must have been altered.
bool CopyJob::is_altered(CopyTable& table) {
    std::shared_ptr<const PublishedTable> before;
    {
        const std::lock_guard lock(tables_.mutex);
        before = table.published;
    }
    try {
        const auto target =
            connect_in_encoding(options_.worker.target, options_.worker.encoding, stop_);
        describe(table, *target);
    } catch (const Error& error) {
        log::warning("{}", error.report());
        return false;
    }
    const std::lock_guard lock(tables_.mutex);
    if (table.published->relation->describes_same(*before->relation)) return false;
    if (table.load == nullptr) return true;
    table.load = std::make_shared<const TableLoad>(make_table_load(
        table.published, table.mapping, stored_plan(table.stored, *table.published->relation)));
    tables_.note_change();
    return true;
}

void CopyJob::watch() {
    std::unique_ptr<Connection> reading;
    std::unique_ptr<Connection> target;
    auto looked = Clock::now() - kRequestLook;
    auto reported = Clock::now();
    while (!stop_.requested()) {
        try {
            look_at_source(reading);
            if (Clock::now() - looked >= kRequestLook) {
                looked = Clock::now();
                if (target == nullptr)
                    target = connect_in_encoding(options_.worker.target, options_.worker.encoding,
                                                 stop_);
                look_for_requests(*target);
                look_for_new_tables(*target);
                if (!is_complete_ && work_.is_complete()) complete(*target);
            }
            report(reported);
        } catch (const Error& error) {
            reading.reset();
            target.reset();
            if (error.kind() == ErrorKind::cancelled) return;
            if (error.kind() != ErrorKind::connection) return fail(std::current_exception());
            log::debug("the copy's watch: {}", error.message());
        }
        sleep_unless_stopped(kSourceLook, stop_);
    }
}

void CopyJob::report(Clock::time_point& reported) {
    const Clock::duration interval =
        options_.on_progress ? Clock::duration(kViewInterval) : Clock::duration(kReportInterval);
    if (is_complete_ || Clock::now() - reported < interval) return;
    reported = Clock::now();
    {
        const std::lock_guard lock(tables_.mutex);
        for (const auto& [name, table] : tables_.by_name) {
            if (table->load != nullptr)
                progress_.set_state(table->progress_number, shown_state(table->stored.state));
        }
    }
    const CopyFigures figures = progress_.snapshot();
    options_.on_progress ? options_.on_progress(figures) : log::info("{}", progress_line(figures));
}

// Transactions that everybody sees need not be remembered; while a large part is loaded nobody
// takes a snapshot otherwise.
void CopyJob::look_at_source(std::unique_ptr<Connection>& reading) {
    {
        const std::lock_guard lock(tables_.mutex);
        if (tables_.unseen.empty()) return;
    }
    if (reading == nullptr)
        reading = connect_in_encoding(options_.worker.reading, options_.worker.encoding, stop_);
    const auto snapshot = newest_snapshot(*reading);
    const std::lock_guard lock(tables_.mutex);
    tables_.note_seen(*snapshot);
}

void CopyJob::look_for_requests(Connection& target) {
    for (const StoredTable& stored : catalog_.read(target).tables) {
        if (stored.state != TableState::requested) continue;
        CopyTable* const table = find(stored.name);
        if (table == nullptr) continue;
        if (table->mapping == nullptr) describe(*table, target);
        const std::lock_guard lock(tables_.mutex);
        const bool is_busy = table->is_taken ||
                             std::any_of(table->chunks.begin(), table->chunks.end(),
                                         [](const CopyChunk& each) { return each.committing > 0; });
        if (table->stored.state == TableState::requested || is_busy) continue;
        log::info("table {}.{} is copied again, as requested", stored.name.schema,
                  stored.name.table);
        request(*table);
    }
}

CopyTable* CopyJob::find(const TableName& name) {
    const std::lock_guard lock(tables_.mutex);
    const auto found = tables_.by_name.find(name);
    return found == tables_.by_name.end() ? nullptr : found->second.get();
}

// From now on nothing of it is loaded, and soon its changes are dropped.
void CopyJob::request(CopyTable& table) {
    for (std::size_t i = 0; i < table.chunks.size(); ++i) tables_.reset(table, i);
    table.stored.state = TableState::requested;
    table.needs_required = true;
    table.dropped_from.reset();
    is_complete_ = false;
    tables_.note_change();
}

std::optional<PublishedTable> CopyJob::find_published(const TableName& name) {
    const auto source =
        connect_in_encoding(options_.worker.source, options_.worker.encoding, stop_);
    for (PublishedTable& each : read_published_tables(*source, options_.start.publications)) {
        if (each.relation->schema == name.schema && each.relation->name == name.table)
            return std::move(each);
    }
    return std::nullopt;
}

void CopyJob::describe(CopyTable& table, Connection& target) {
    auto published = find_published(table.stored.name);
    if (!published) {
        throw Error(ErrorKind::config,
                    fmt::format("table \"{}.{}\" is to be copied again, but is not published",
                                table.stored.name.schema, table.stored.name.table))
            .hint("Add it to the publication.");
    }
    auto mapping = std::make_shared<const RelationMapping>(map_all(target, {*published}).front());
    const std::lock_guard lock(tables_.mutex);
    table.published = std::make_shared<const PublishedTable>(std::move(*published));
    table.mapping = std::move(mapping);
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
    if (!published) {
        throw Error(ErrorKind::config,
                    fmt::format("changes came for table \"{}.{}\", which none of the publications "
                                "holds now",
                                unknown->schema, unknown->table))
            .hint("Add it to the publication again, then start again.");
    }
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

void CopyJob::complete(Connection& target) {
    Progress::end_copy(target, options_.start.pipeline);
    if (options_.on_progress) options_.on_progress(std::nullopt);
    const CopyFigures figures = progress_.snapshot();
    log::info("initial copy is complete: {} tables, {} rows, {}", figures.tables.size(),
              figures.rows, human_bytes(figures.bytes));
    is_complete_ = true;
}

}  // namespace walpack
