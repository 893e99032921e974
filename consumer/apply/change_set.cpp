#include "apply/change_set.h"

#include <algorithm>
#include <utility>

#include "apply/row_key.h"
#include "base/check.h"

namespace walpack {
namespace {

// Tables whose empty batches are kept for their next change.
constexpr std::size_t kTablesKept = 2000;

std::size_t bytes_of(const Batch& batch) {
    std::size_t bytes = 0;
    for (const Slice& row : batch.rows) bytes += row.length;
    return bytes;
}

}  // namespace

bool can_be_checked(const std::vector<Step>& steps) {
    return std::all_of(steps.begin(), steps.end(), [](const Step& step) {
        if (const auto* batch = std::get_if<Batch>(&step))
            return batch->is_sent_by_row() && batch->statement->single->can_be_checked;
        if (std::holds_alternative<CommandStep>(step)) return false;
        const auto* row = std::get_if<RowStep>(&step);
        return row == nullptr || (row->is_plain && row->expected == Expected::one_row &&
                                  row->statement->can_be_checked);
    });
}

void ChangeSet::set_row_by_row(bool is_row_by_row) {
    if (is_row_by_row != is_row_by_row_) WALPACK_CHECK(is_empty());
    is_row_by_row_ = is_row_by_row;
}

std::size_t ChangeSet::bytes() const {
    return step_bytes_ + waiting_bytes_;
}

TableBatch& ChangeSet::batch_of(const std::shared_ptr<TablePlan>& plan) {
    auto& planned = batches_[plan.get()];
    if (planned == nullptr) {
        planned = std::make_unique<PlannedBatch>(PlannedBatch{plan, TableBatch(*plan)});
    }
    return planned->batch;
}

void ChangeSet::send_first(TableBatch& batch) {
    if (batch.is_empty()) return;
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &batch));
    waiting_bytes_ -= batch.bytes();
    for (Batch& taken : batch.take()) {
        step_bytes_ += bytes_of(taken);
        steps_.emplace_back(std::move(taken));
    }
}

void ChangeSet::send_all_first() {
    while (!waiting_.empty()) send_first(*waiting_.front());
}

void ChangeSet::keep_order(const TablePlan& plan) {
    if (plan.scope() == TablePlan::Scope::everything) return send_all_first();
    if (plan.scope() != TablePlan::Scope::foreign_keys) return;
    if (last_with_keys_ != nullptr && last_with_keys_ != &plan)
        send_first(batches_.at(last_with_keys_)->batch);
    last_with_keys_ = &plan;
}

// A row of a partition may come as one of its root, and before an ATTACH or behind a DETACH as one
// of the partition itself; and it may move to one of another replica identity. Batches of two plans
// would not wait for one another.
void ChangeSet::keep_order_of_leaf(const TablePlan& plan, const Relation& relation) {
    if (!relation.leaf) {
        if (leaves_.empty()) return;
        const auto found = leaves_.find(relation.schema + '.' + relation.name);
        if (found == leaves_.end() || found->second == &plan) return;
        send_first(batches_.at(found->second)->batch);
        leaves_.erase(found);
        last_of_leaf_ = nullptr;
        return;
    }
    if (last_of_leaf_ == &relation) return;
    last_of_leaf_ = &relation;
    const TablePlan* const before = std::exchange(last_plans_[plan.table().oid], &plan);
    if (before != nullptr && before != &plan) send_first(batches_.at(before)->batch);
    const auto [known, is_new] = leaves_.try_emplace(*relation.leaf, &plan);
    if (!is_new && known->second != &plan) send_first(batches_.at(known->second)->batch);
    known->second = &plan;
    if (!is_new) return;
    const auto own = std::ranges::find_if(waiting_, [&](const TableBatch* batch) {
        const Relation& waiting = batch->plan().relation();
        return waiting.schema + '.' + waiting.name == *relation.leaf;
    });
    if (own != waiting_.end()) send_first(**own);
}

void ChangeSet::add(const std::shared_ptr<TablePlan>& shared_plan, const RowChange& change,
                    Expected expected) {
    TablePlan& plan = *shared_plan;
    ++changes_;
    if (options_.wants_footprint) footprint_.add(plan, change, encoder_);
    keep_order(plan);
    keep_order_of_leaf(plan, *change.relation);
    const StatementShape shape =
        shape_of(*plan.mapping(), change, expected == Expected::one_row_maybe_moved);
    TableBatch& batch = batch_of(shared_plan);
    std::optional<BatchKind> kind;
    if (!is_row_by_row_ && expected == Expected::one_row) kind = plan.batch_kind(change, shape);
    if (!kind) {
        send_first(batch);
        return add_row_step(plan, change, shape, expected);
    }
    if (add_to(batch, *kind, change, shape)) return;
    send_first(batch);
    const bool is_added = add_to(batch, *kind, change, shape);
    WALPACK_CHECK(is_added);
}

bool ChangeSet::add_to(TableBatch& batch, BatchKind kind, const RowChange& change,
                       const StatementShape& shape) {
    if (batch.is_empty()) waiting_.push_back(&batch);
    const std::size_t before = batch.bytes();
    const bool is_added = batch.add(kind, change, shape, encoder_);
    waiting_bytes_ += batch.bytes() - before;  // may be fewer
    return is_added;
}

void ChangeSet::add_row_step(TablePlan& plan, const RowChange& change, const StatementShape& shape,
                             Expected expected) {
    RowStep step;
    step.statement = plan.row_statement(shape);
    step.expected = expected;
    step.is_plain = plan.scope() != TablePlan::Scope::everything;
    step.key = pack_row_key(step.statement->identity, change);
    for (const TupleField& field : step.statement->statement.parameters) {
        const CellForm form = form_of(field.column->binding);
        const Value& value = value_to_send(change, field);
        step.forms.push_back(form);
        encoder_.append(*field.column, form, value, step.cells);
    }
    step_bytes_ += step.cells.size() + sizeof(RowStep);
    steps_.emplace_back(std::move(step));
}

void ChangeSet::add(TruncateStep truncate) {
    ++changes_;
    add_alone(std::move(truncate));
}

void ChangeSet::add(CommandStep command) {
    add_alone(std::move(command));
}

void ChangeSet::add_alone(Step step) {
    footprint_.add_everything();
    send_all_first();
    steps_.emplace_back(std::move(step));
}

std::vector<Step> ChangeSet::take() {
    send_all_first();
    changes_ = 0;
    step_bytes_ = 0;
    last_with_keys_ = nullptr;
    forget_leaves();
    if (batches_.size() > kTablesKept) batches_.clear();
    return std::exchange(steps_, {});
}

void ChangeSet::discard() {
    waiting_.clear();
    batches_.clear();
    steps_.clear();
    changes_ = step_bytes_ = waiting_bytes_ = 0;
    last_with_keys_ = nullptr;
    forget_leaves();
    footprint_ = {};
}

void ChangeSet::forget_leaves() {
    leaves_.clear();
    last_plans_.clear();
    last_of_leaf_ = nullptr;
}

Footprint ChangeSet::take_footprint() {
    footprint_.finish();
    return std::exchange(footprint_, {});
}

}  // namespace walpack
