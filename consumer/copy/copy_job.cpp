#include "copy/copy_job.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_error.h"
#include "copy/taken_snapshot.h"
#include "copy/target_rows.h"
#include "progress/progress.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// How soon what the source's sessions see is looked at, while someone waits for it.
constexpr std::chrono::milliseconds kSourceLook{100};
constexpr std::chrono::seconds kRequestLook{1};

void sleep_unless_stopped(std::chrono::milliseconds delay, const StopRequest& stop) {
    pollfd fd{stop.fd(), POLLIN, 0};
    poll(&fd, 1, static_cast<int>(delay.count()));
}

bool is_same(const PublishedTable& left, const PublishedTable& right) {
    return left.shape == right.shape && left.publishing == right.publishing &&
           left.relation->describes_same(*right.relation);
}

}  // namespace

CopyJob::CopyJob(CopyJobOptions options, CopyTables& tables, Connection& source, Connection& target)
    : options_(std::move(options)),
      tables_(tables),
      catalog_(options_.start.pipeline),
      work_(tables, options_.backlog_bytes_max),
      rate_limit_(options_.rate_limit) {
    take_builds(source, target);
    for (const auto& [name, table] : tables_.by_name) assign_stages(*table);
    show_tables(source, target);
    if (options_.published_at) published_at_ = *options_.published_at;
    is_working_ = true;
    for (std::uint64_t i = 0; i < options_.worker.workers; ++i)
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

void CopyJob::fail(std::exception_ptr error) {
    const std::lock_guard lock(tables_.mutex);
    if (!tables_.failure) tables_.failure = std::move(error);
    tables_.changed.notify_all();
}

void CopyJob::throw_if_failed() {
    const std::lock_guard lock(tables_.mutex);
    if (tables_.failure) std::rethrow_exception(tables_.failure);
}

void CopyJob::work() {
    const CopyWorkerShared shared{tables_, work_, progress_, rate_limit_};
    CopyWorker worker(options_.worker, shared, stop_);
    auto delay = options_.retry_delay_min;
    while (!stop_.requested()) {
        std::optional<CopyTask> task = work_.next(stop_);
        if (!task) {
            // Everything is done; a table may be asked for again.
            worker.disconnect();
            sleep_unless_stopped(kRequestLook, stop_);
            continue;
        }
        if (!carry_out(worker, *task, delay)) return;
    }
}

bool CopyJob::wait_for_retry(const Error& error, std::chrono::milliseconds& delay) {
    log::warning("{}; the copy tries again in {} ms", error.report(), delay.count());
    sleep_unless_stopped(delay, stop_);
    delay = std::min(delay * 2, options_.retry_delay_max);
    return true;
}

// False when the copy has failed.
bool CopyJob::carry_out(CopyWorker& worker, CopyTask& task, std::chrono::milliseconds& delay) {
    try {
        worker.run(task);
        work_.release(task);
        delay = options_.retry_delay_min;
        return true;
    } catch (const Error& error) {
        worker.disconnect();
        if (error.kind() == ErrorKind::schema && task.table != nullptr)
            return look_again(task, error, delay);
        work_.release(task);
        if (error.kind() == ErrorKind::cancelled) return false;
        if (error.kind() == ErrorKind::connection) return wait_for_retry(error, delay);
        fail(std::current_exception());
        return false;
    } catch (const std::exception&) {
        worker.disconnect();
        work_.release(task);
        fail(std::current_exception());
        return false;
    }
}

// What the task's table is by now may be the reason. False when the copy has failed. Releases the
// task: nobody else may plan or forget the table while it is looked at.
bool CopyJob::look_again(const CopyTask& task, const Error& error,
                         std::chrono::milliseconds& delay) {
    std::optional<Error> reason;
    Look look = Look::same;
    try {
        look = look_at(task);
    } catch (const Error& failure) {
        reason = failure;
    }
    work_.release(task);
    if (look == Look::altered) {
        log::warning("{}; the table was altered, its copy goes on", error.report());
        return true;
    }
    if (look == Look::begins_again) {
        // Until the watching thread has taken the request up.
        sleep_unless_stopped(kRequestLook, stop_);
        return true;
    }
    if (reason && reason->kind() == ErrorKind::connection) return wait_for_retry(*reason, delay);
    // A standby may not have replayed what the source has.
    if (!reason && dynamic_cast<const OtherTable*>(&error) != nullptr)
        return wait_for_retry(error, delay);
    fail(std::make_exception_ptr(reason ? *reason : error));
    return false;
}

// Looks at the task's table again on both sides. As for the stream, both sides must have been
// altered: throws Error(schema) when only one was.
CopyJob::Look CopyJob::look_at(const CopyTask& task) {
    CopyTable& table = *task.table;
    StoredTable stored;
    {
        const std::lock_guard lock(tables_.mutex);
        stored = table.stored;
    }
    const std::vector<PublishedTable> published = read_published().tables;
    const auto now = std::ranges::find_if(published, [&stored](const PublishedTable& each) {
        return each.relation->oid == stored.oid;
    });
    // Where the copy is taken up it is followed, or given up.
    if (now == published.end() || now->name() != stored.name) throw another_table(stored.name);
    if (is_same(*now, *task.published)) return Look::same;
    const auto source = connect_to_source(options_.worker, stop_);
    const auto target =
        connect_in_encoding(options_.worker.target, options_.worker.encoding, stop_);
    auto mapping = std::make_shared<const RelationMapping>(map_all(*target, {*now}).front());
    const char* const why = why_begin_again(*source, stored, *now);
    std::unique_lock lock(tables_.mutex);
    const TableState state = table.stored.state;
    const bool has_plan = state != TableState::requested && state != TableState::waiting;
    if (has_plan && why != nullptr) {
        // The applying thread may hold the row, and wait for the mutex.
        lock.unlock();
        log::warning("table {} {}; it is copied from the start", now->relation->qualified_name(),
                     why);
        target->execute("SET synchronous_commit = on");
        target->execute(catalog_.request_sql(table.stored.oid));
        return Look::begins_again;
    }
    table.published = std::make_shared<const PublishedTable>(*now);
    table.mapping = std::move(mapping);
    if (has_plan)
        table.load = std::make_shared<const TableLoad>(
            make_table_load(table.published, table.mapping, stored_plan(stored, *now->relation)));
    tables_.note_change();
    return Look::altered;
}

void CopyJob::watch() {
    std::unique_ptr<Connection> reading;
    std::unique_ptr<Connection> target;
    auto looked = Clock::now() - kRequestLook;
    auto reported = Clock::now();
    while (!stop_.requested()) {
        try {
            look_at_source(reading);
            const bool is_complete = !is_complete_ && work_.is_complete();
            if (is_complete || Clock::now() - looked >= kRequestLook) {
                looked = Clock::now();
                if (target == nullptr) target = connect_to_target();
                look_for_requests(*target);
                look_for_new_tables(*target);
                look_at_published(*target);
                tell_target(*target);
                if (!is_complete_ && work_.is_complete()) complete(*target);
            }
            report(reported);
        } catch (const Error& error) {
            reading.reset();
            target.reset();
            if (error.kind() == ErrorKind::cancelled) return;
            if (error.kind() != ErrorKind::connection) return fail(std::current_exception());
            log::debug("the copy's watch: {}", error.message());
            sleep_unless_stopped(kSourceLook, stop_);
        }
        if (is_complete_) {
            sleep_unless_stopped(kSourceLook, stop_);
        } else {
            work_.wait_until_complete(kSourceLook, stop_);
        }
    }
}

// What it notes is on the disk at once: a request that a crash forgets would leave chunks without
// the changes that were kept for them.
std::unique_ptr<Connection> CopyJob::connect_to_target() {
    auto target = connect_in_encoding(options_.worker.target, options_.worker.encoding, stop_);
    is_replica_role_ = set_up_target_session(*target).is_replica_role;
    target->execute("SET synchronous_commit = on");
    return target;
}

// Transactions that everybody sees need not be remembered; while a large part is loaded nobody
// takes a snapshot otherwise.
void CopyJob::look_at_source(std::unique_ptr<Connection>& reading) {
    {
        const std::lock_guard lock(tables_.mutex);
        if (tables_.not_applied.unseen.empty()) return;
    }
    if (reading == nullptr) reading = connect_to_source(options_.worker, stop_);
    const auto asked_at = Clock::now();
    const SourceSnapshot snapshot = newest_snapshot(*reading);
    const std::lock_guard lock(tables_.mutex);
    tables_.note_seen(snapshot, asked_at);
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
