// Neighbouring updates, or deletes, of a relation whose rows nothing but all of their values finds
// (REPLICA IDENTITY FULL, and no key on the target), gathered until they are sent together.
//
// Without an index a search reads the whole table: for a run it is read once, not once for each
// row. No two changes of a run have the same row before them, and none leaves a row that another
// one finds, so that it does not matter which goes first. That is told by the images themselves,
// byte by byte; which of several equal rows of the target a change gets is open, as without a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "apply/cell.h"
#include "apply/table_plan.h"
#include "model/record.h"

namespace walpack {

struct Batch;
struct Slice;

class WholeRowRun {
  public:
    // The plan must outlive the run.
    explicit WholeRowRun(TablePlan& plan) : plan_(&plan) {}

    // False when the change cannot join the others: take() first, then it can.
    [[nodiscard]] bool add(BatchKind kind, const RowChange& change, const StatementShape& shape,
                           const CellEncoder& encoder);
    // Everything; empty afterwards. Rows are cells of the old image, then of the new one.
    std::vector<Batch> take();

    bool is_empty() const { return parts_.empty(); }
    std::size_t bytes() const { return cells_.size(); }

  private:
    // Rows that share a statement: with NULLs in the same columns.
    struct Part {
        std::shared_ptr<const BatchStatement> statement;
        std::vector<Slice> rows;
    };

    void append_image(Tuple image, const CellEncoder& encoder);
    std::uint64_t hash_from(std::size_t start) const;
    std::uint64_t hash_of_new(std::size_t old_start, std::size_t new_start) const;

    TablePlan* plan_;
    BatchKind kind_ = BatchKind::update;
    std::string cells_;
    std::vector<Part> parts_;
    // Hashes: two images that share one only end the run too early.
    std::unordered_set<std::uint64_t> old_images_;
    std::unordered_set<std::uint64_t> new_images_;
};

}  // namespace walpack
