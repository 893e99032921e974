// The copy at work beside the stream: workers in threads of their own, and one that watches: what
// the source's newest snapshot sees, which tables are asked for, how far everything is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/stop_request.h"
#include "copy/copy_progress.h"
#include "copy/copy_start.h"
#include "copy/copy_tables.h"
#include "copy/copy_work.h"
#include "copy/copy_worker.h"
#include "copy/rate_limit.h"

namespace walpack {

struct CopyJobOptions {
    CopyStartOptions start;
    CopyWorkerOptions worker;
    std::uint64_t rate_limit = 0;         // bytes a second; 0: none
    std::uint64_t backlog_bytes_max = 0;  // of changes that are kept, in bytes
    // When what is published was read for the start of the copy; nullopt: it was not.
    std::optional<std::chrono::steady_clock::time_point> published_at;
    std::chrono::milliseconds retry_delay_min{200};
    std::chrono::milliseconds retry_delay_max{30'000};
    OnCopyProgress on_progress;  // empty: the log is told instead, less often
    // Told which published tables are not copied and why; empty when all are. Empty: nobody is.
    std::function<void(const std::string&)> on_left_out;
};

class CopyJob {
  public:
    // Starts the threads. `tables`, filled by resume_copy(), must outlive the job.
    CopyJob(CopyJobOptions options, CopyTables& tables, Connection& source, Connection& target);
    // Ends the threads, whatever they do.
    ~CopyJob();
    CopyJob(const CopyJob&) = delete;
    CopyJob& operator=(const CopyJob&) = delete;

    // Throws what ended the copy, if something did.
    void throw_if_failed();
    bool is_complete() const { return is_complete_.load(); }
    CopyFigures figures() { return progress_.snapshot(); }

  private:
    struct SourceIndexes;
    std::vector<PostDataItem> read_items(Connection& target);
    CopyBuilds read_builds_of(const TableName& table, Connection& target);
    void take_builds(Connection& source, Connection& target);
    bool can_take(const CopyTable& table, const CopyBuild& build) const;
    CopyTable* copied_as(const SourceIndexes& indexes, const TableName& name);
    void work();
    bool carry_out(CopyWorker& worker, CopyTask& task, std::chrono::milliseconds& delay);
    bool wait_for_retry(const Error& error, std::chrono::milliseconds& delay);
    bool look_again(const CopyTask& task, const Error& error, std::chrono::milliseconds& delay);
    enum class Look : std::uint8_t { same, altered, begins_again };
    Look look_at(const CopyTask& task);
    void watch();
    std::unique_ptr<Connection> connect_to_target();
    void show_tables(Connection& source, Connection& target);
    void take_states();
    void report(std::chrono::steady_clock::time_point& reported);
    void tell_target(Connection& target);
    void look_at_source(std::unique_ptr<Connection>& reading);
    void look_for_requests(Connection& target);
    std::vector<CopyTable*> undescribed();
    void describe_again(CopyTable& table, Connection& target);
    CopyTable* claim(const TableName& name);
    void release(CopyTable& table);
    void request(CopyTable& table, Connection& target);
    bool ask_for(CopyTable& table, std::uint32_t oid, Connection& target);
    void give_up_request(const CopyTable& table, Connection& target, const std::string& why);
    struct Described {
        std::shared_ptr<const PublishedTable> published;
        std::shared_ptr<const RelationMapping> mapping;
    };
    std::optional<Described> describe(const TableName& name, Connection& target);
    void look_for_new_tables(Connection& target);
    // A look at the source's catalog.
    struct Published {
        std::vector<PublishedTable> tables;
        Lsn seen_at;  // the source's position, read behind it
    };
    Published read_published();
    void look_at_published(Connection& target);
    void compare(const Published& published, Connection& target);
    // `names`: of all published tables, by oid.
    void forget_unpublished(const Published& published,
                            const std::map<std::uint32_t, TableName>& names, Connection& target);
    void forget(CopyTable& table, const Published& published, Connection& target);
    std::set<TableName> take_new_names(const std::map<std::uint32_t, TableName>& names,
                                       Connection& target);
    bool is_known(std::uint32_t oid);
    bool is_named(const Relation& relation);
    std::vector<const PublishedTable*> new_among(const Published& published);
    void add_ready(const PublishedTable& published, Connection& target);
    void take_up(const PublishedTable& published, Connection& target);
    void add(const PublishedTable& published, Connection& target);
    void take_later_builds(Connection& target);
    void leave_out(const TableName& name, const Error& error);
    void tell_left_out();
    void ignore(const TableName& name);
    void fail(std::exception_ptr error);
    void complete(Connection& target);

    CopyJobOptions options_;
    CopyTables& tables_;
    CopyCatalog catalog_;
    CopyWork work_;
    CopyProgress progress_;
    RateLimit rate_limit_;
    StopRequest stop_;
    std::atomic<bool> is_complete_{false};
    bool is_working_ = false;  // set before the threads begin
    // Of the watching thread.
    bool is_replica_role_ = false;
    std::set<TableName> ignored_;
    std::optional<Published> published_;  // the stream has not passed it yet
    std::chrono::steady_clock::time_point published_at_;
    std::map<TableName, std::string> left_out_;  // and why
    std::set<TableName> told_;                   // of those that the log was told of
    std::string told_text_;
    std::vector<std::jthread> threads_;
};

}  // namespace walpack
