#include "apply/whole_row_run.h"

#include <algorithm>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "apply/table_batch.h"

namespace walpack {
namespace {

std::uint64_t hash_of(std::string_view image) {
    return XXH3_64bits(image.data(), image.size());
}

}  // namespace

void WholeRowRun::append_image(Tuple image, const CellEncoder& encoder) {
    const auto& columns = plan_->mapping()->columns;
    for (std::size_t i = 0; i < columns.size(); ++i)
        encoder.append(columns[i], plan_->forms()[i], image[columns[i].attribute], cells_);
}

std::uint64_t WholeRowRun::hash_from(std::size_t start) const {
    return hash_of(std::string_view(cells_).substr(start));
}

// As the row will be found by the next change: with the values that stay as they were.
std::uint64_t WholeRowRun::hash_of_new(std::size_t old_start, std::size_t new_start) const {
    const std::string_view cells = cells_;
    CellReader old_cells(cells.substr(old_start, new_start - old_start));
    CellReader new_cells(cells.substr(new_start));
    std::string image;
    while (!new_cells.is_at_end()) {
        const Cell old_cell = old_cells.next();
        const Cell new_cell = new_cells.next();
        image += new_cell.is_unchanged() ? old_cell.whole : new_cell.whole;
    }
    return hash_of(image);
}

bool WholeRowRun::add(BatchKind kind, const RowChange& change, const StatementShape& shape,
                      const CellEncoder& encoder) {
    if (!is_empty() && kind != kind_) return false;
    kind_ = kind;
    const std::size_t start = cells_.size();
    append_image(change.old_tuple, encoder);
    const std::size_t new_start = cells_.size();
    const std::uint64_t before = hash_from(start);
    bool is_apart = !old_images_.contains(before) && !new_images_.contains(before);
    if (is_apart && kind == BatchKind::update) {
        append_image(change.new_tuple, encoder);
        const std::uint64_t after = hash_of_new(start, new_start);
        is_apart = !old_images_.contains(after);
        if (is_apart) new_images_.insert(after);
    }
    if (!is_apart) {
        cells_.resize(start);
        return false;
    }
    old_images_.insert(before);
    const auto statement = plan_->whole_row_statement(kind, shape);
    auto part = std::find_if(parts_.begin(), parts_.end(),
                             [&](const Part& each) { return each.statement == statement; });
    if (part == parts_.end()) part = parts_.insert(parts_.end(), Part{statement, {}});
    part->rows.push_back({start, cells_.size() - start});
    return true;
}

std::vector<Batch> WholeRowRun::take() {
    std::vector<Batch> out;
    const auto cells = std::make_shared<const std::string>(std::exchange(cells_, {}));
    for (Part& part : parts_)
        out.push_back({std::move(part.statement), cells, std::move(part.rows)});
    parts_.clear();
    old_images_.clear();
    new_images_.clear();
    return out;
}

}  // namespace walpack
