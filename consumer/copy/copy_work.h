// What there is to do for the copy, and who does it: tasks for workers, chosen under the mutex of
// CopyTables.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/stop_request.h"
#include "copy/copy_tables.h"

namespace walpack {

struct CopyTask {
    enum class Kind : std::uint8_t {
        empty,    // deletes the table's rows on the target, so that it can be copied (again)
        plan,     // cuts it into chunks
        load,     // one part
        build,    // one item of its structure, or of none's
        finish,   // notes that the table is complete
        analyze,  // collects its statistics, when nothing else waits
    };

    Kind kind = Kind::load;
    CopyTable* table = nullptr;  // none for a build that belongs to none
    // What the table was when the task was chosen.
    std::shared_ptr<const PublishedTable> published = nullptr;
    std::uint32_t part = 0;  // its stored number
    CopyBuild* build = nullptr;
    std::uint64_t generation = 0;  // of the part's chunk
};

class CopyWork {
  public:
    // Where more than half of `backlog_bytes_max` is kept, workers share one table, so that it is
    // over soon.
    CopyWork(CopyTables& tables, std::uint64_t backlog_bytes_max)
        : tables_(tables), backlog_bytes_max_(backlog_bytes_max) {}

    // The next task, which nobody else gets until release(); waits for one. nullopt when everything
    // is done or `stop` was requested. Throws nothing.
    std::optional<CopyTask> next(const StopRequest& stop);
    // The same without waiting: nullopt when there is none at this moment.
    std::optional<CopyTask> next_now();
    // The task is over, done or not.
    void release(const CopyTask& task);
    bool is_complete();
    // Until that, for no longer than `patience`, and not when `stop` is requested.
    void wait_until_complete(std::chrono::milliseconds patience, const StopRequest& stop);

  private:
    std::optional<CopyTask> choose();
    std::optional<CopyTask> choose_any();
    using Accepts = bool (*)(const CopyTable&);
    using Choose = std::optional<CopyTask> (CopyWork::*)(CopyTable&);
    // Of the first table that is accepted and has something.
    std::optional<CopyTask> choose_among(Accepts accepts, Choose choose);
    std::optional<CopyTask> choose_of(CopyTable& table);
    std::optional<CopyTask> choose_part(CopyTable& table);
    std::optional<CopyTask> choose_last();
    // The first item of the stage that may be made now. Keys are made one behind the other.
    std::optional<CopyTask> choose_build(CopyTable* table, CopyBuilds& builds,
                                         CopyBuild::Stage stage);
    bool all_ready() const;
    bool all_done() const;

    CopyTables& tables_;
    const std::uint64_t backlog_bytes_max_;
};

// When an item of the table, which is planned, may be made: what holds rows of different chunks
// against each other only when those are of one moment.
CopyBuild::Stage stage_of(const CopyTable& table, const CopyBuild& build);
// The same for all that it has.
void assign_stages(CopyTable& table);

// Whether every item of the stage is made, or refused.
bool is_done(const CopyBuilds& builds, CopyBuild::Stage stage);

}  // namespace walpack
