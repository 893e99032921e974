// The relations of the stream, how they map onto the target's tables, and the plan of each, as of
// now.
//
// A relation is looked at when its first change comes, again when it is described differently,
// since the reason is often a schema change that was made on both sides, and again after a while,
// as an index or a trigger may have been added on the target. Of many those that were not used for
// long are forgotten: no one tells of a table that was dropped. Rows of a partitioned table are
// described as each of its partitions has them, whose replica identities may differ: those
// descriptions have a plan each, side by side.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>

#include "apply/table_plan.h"
#include "apply/unbatched_tables.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

class MappedRelations {
  public:
    using Clock = std::chrono::steady_clock;
    using ReadMapping = std::function<std::shared_ptr<const RelationMapping>(
        const std::shared_ptr<const Relation>&)>;

    // Tables beyond which unused ones are forgotten, and when one counts as unused.
    static constexpr std::size_t kTablesKept = 1000;
    static constexpr std::chrono::minutes kUnusedMax{10};

    // `read` is read_mapping(), now or later; `unbatched` must outlive this object.
    // `before_new_plan` is called before the plan of a table is replaced, or plans are forgotten.
    // `check_new` may throw about a mapping before it is used.
    MappedRelations(ReadMapping read, const PlanOptions& options, const UnbatchedTables& unbatched,
                    std::function<void()> before_new_plan,
                    std::function<void(const RelationMapping&)> check_new);

    // The plan for the relation's changes; valid until the next call. Throws Error(schema) with
    // every problem when the target's table cannot take its changes.
    const std::shared_ptr<TablePlan>& find(const std::shared_ptr<const Relation>& relation);
    // The next find() of the table reads it again.
    void forget(const TableName& table);
    // Tells the time, between two groups; looks at old mappings again from now on.
    void set_time(Clock::time_point now);
    std::size_t size() const { return by_name_.size(); }

  private:
    struct Known {
        std::shared_ptr<const Relation> relation;
        std::shared_ptr<TablePlan> plan;
        Clock::time_point read_at;
        Clock::time_point used_at;  // as of the begin of the group
        bool is_batched = true;     // as of the plan
    };

    using Descriptions = std::list<Known>;  // of one table

    Known& look_up(const std::shared_ptr<const Relation>& relation);
    static Known& choose(const Relation& relation, Descriptions& known);
    void read(const std::shared_ptr<const Relation>& relation, Known& known);
    void forget_unused();

    ReadMapping read_;
    PlanOptions options_;
    const UnbatchedTables& unbatched_;
    std::function<void()> before_new_plan_;
    std::function<void(const RelationMapping&)> check_new_;
    Clock::time_point now_;
    Clock::time_point last_since_;
    Clock::time_point looked_for_unused_;
    std::map<TableName, Descriptions> by_name_;
    // Each transaction that was streamed brings relations of its own, with the same descriptions.
    std::unordered_map<const Relation*, std::pair<std::shared_ptr<const Relation>, Known*>> seen_;
    const Relation* last_relation_ = nullptr;  // changes of one relation tend to follow one another
    Known* last_ = nullptr;
};

// Reads the target's table, outside of pipeline mode, and maps the relation. Throws Error(schema)
// when the table does not exist or cannot take the relation's changes.
std::shared_ptr<const RelationMapping> read_mapping(
    Connection& target, const std::shared_ptr<const Relation>& relation);

// Both map onto the same table in the same way, and its constraints and triggers are the same, so
// that statements made for one serve the other.
bool is_equivalent(const RelationMapping& left, const RelationMapping& right);

}  // namespace walpack
