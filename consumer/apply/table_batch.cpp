#include "apply/table_batch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"

namespace walpack {
namespace {

constexpr std::size_t kIndexSizeMin = 16;
constexpr std::size_t kEntriesKept = 1024;
constexpr std::size_t kManyBytes = 64 << 10;

std::uint64_t hash_of(std::string_view bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

bool TableBatch::add(BatchKind kind, const RowChange& change, const StatementShape& shape,
                     const CellEncoder& encoder) {
    if (plan_->method() == TablePlan::Method::net)
        return add_net(kind, change, shape.unchanged, encoder);
    if (kind == BatchKind::insert || !plan_->finds_whole_rows())
        return whole_rows_.is_empty() && add_to_run(kind, change, shape.unchanged, encoder);
    return entries_.empty() && whole_rows_.add(kind, change, shape, encoder);
}

Slice TableBatch::append_key(const RowChange& change, const CellEncoder& encoder) {
    const std::size_t start = cells_.size();
    const auto& key = plan_->key();
    for (std::size_t i = 0; i < key.size(); ++i) {
        encoder.append(plan_->mapping()->columns[key[i]], plan_->forms()[key[i]],
                       key_value(*plan_, change, i), cells_);
    }
    return {start, cells_.size() - start};
}

// Many rows tend to be followed by as many: growing step by step would copy each of them twice.
void TableBatch::make_room() {
    if (cells_.size() < kManyBytes || cells_.capacity() >= last_bytes_) return;
    cells_.reserve(last_bytes_ + last_bytes_ / 8);
}

Slice TableBatch::append_row(const RowChange& change, const CellEncoder& encoder) {
    make_room();
    const std::size_t start = cells_.size();
    const auto& columns = plan_->mapping()->columns;
    for (std::size_t i = 0; i < columns.size(); ++i)
        encoder.append(columns[i], plan_->forms()[i], change.new_tuple[columns[i].attribute],
                       cells_);
    return {start, cells_.size() - start};
}

bool TableBatch::add_to_run(BatchKind kind, const RowChange& change, const std::string& unchanged,
                            const CellEncoder& encoder) {
    if (!is_empty() && (kind != kind_ || unchanged != masks_.back())) return false;
    kind_ = kind;
    masks_.back() = unchanged;
    if (kind == BatchKind::insert) {
        entries_.push_back({{}, append_row(change, encoder), 0, false, Image::insert});
        return true;
    }
    bool is_new = false;
    const Slice key = append_key(change, encoder);
    Entry& entry = find_or_add(key, is_new);
    if (!is_new) return false;
    entry.removes = kind == BatchKind::remove;
    if (kind == BatchKind::update) {
        entry.image = Image::update;
        entry.row = append_row(change, encoder);
    }
    return true;
}

bool TableBatch::add_net(BatchKind kind, const RowChange& change, const std::string& unchanged,
                         const CellEncoder& encoder) {
    const std::size_t before = cells_.size();
    bool is_new = false;
    const Slice key = append_key(change, encoder);
    Entry& entry = find_or_add(key, is_new);
    if (!is_new) {
        cells_.resize(before);
        return join(entry, kind, change, unchanged, encoder);
    }
    entry.removes = kind == BatchKind::remove;
    if (entry.removes) return true;
    entry.image = kind == BatchKind::insert ? Image::insert : Image::update;
    entry.mask = mask_of(unchanged);
    entry.row = append_row(change, encoder);
    return true;
}

bool TableBatch::join(Entry& entry, BatchKind kind, const RowChange& change,
                      const std::string& unchanged, const CellEncoder& encoder) {
    const bool has_image = entry.image != Image::none;
    if (kind == BatchKind::insert) {
        if (has_image) return false;
        entry.image = Image::insert;
        entry.mask = 0;
        entry.row = append_row(change, encoder);
        return true;
    }
    if (!has_image) return false;
    if (kind == BatchKind::remove) {
        entry.removes = entry.removes || entry.image == Image::update;
        entry.image = Image::none;
        return true;
    }
    const Slice row = append_row(change, encoder);
    if (unchanged.empty()) {
        entry.mask = 0;
        entry.row = put_in_place(entry.row, row);
        return true;
    }
    const std::string mask = merged_mask(entry.mask, unchanged);
    entry.mask = mask_of(mask);
    entry.row = merge(entry.row, row);
    return true;
}

// A row that is updated often must not pile up its images.
Slice TableBatch::put_in_place(Slice before, Slice after) {
    if (after.length > before.length) return after;
    std::memmove(cells_.data() + before.offset, cells_.data() + after.offset, after.length);
    cells_.resize(after.offset);
    return {before.offset, after.length};
}

// Cells of `after`, and of `before` where those are unchanged TOAST.
Slice TableBatch::merge(Slice before, Slice after) {
    std::string merged;
    CellReader old_cells(bytes_of(before));
    CellReader new_cells(bytes_of(after));
    while (!new_cells.is_at_end()) {
        const Cell old_cell = old_cells.next();
        const Cell new_cell = new_cells.next();
        merged += new_cell.is_unchanged() ? old_cell.whole : new_cell.whole;
    }
    cells_.resize(after.offset);
    cells_ += merged;
    return put_in_place(before, {after.offset, merged.size()});
}

std::string TableBatch::merged_mask(std::uint32_t before, const std::string& unchanged) const {
    const std::string& mask = masks_[before];
    if (mask.empty() || unchanged.empty()) return "";
    std::string merged = unchanged;
    for (std::size_t i = 0; i < merged.size(); ++i) {
        if (mask[i] != '1') merged[i] = '0';
    }
    return merged.find('1') == std::string::npos ? "" : merged;
}

// Few masks occur at one time.
std::uint32_t TableBatch::mask_of(const std::string& unchanged) {
    const auto found = std::find(masks_.begin(), masks_.end(), unchanged);
    if (found != masks_.end()) return static_cast<std::uint32_t>(found - masks_.begin());
    masks_.push_back(unchanged);
    return static_cast<std::uint32_t>(masks_.size() - 1);
}

TableBatch::Entry& TableBatch::find_or_add(Slice key, bool& is_new) {
    if (index_.size() < 2 * (entries_.size() + 1)) grow_index();
    const std::string_view wanted = bytes_of(key);
    const std::size_t mask = index_.size() - 1;
    std::size_t place = hash_of(wanted) & mask;
    for (; index_[place] != 0; place = (place + 1) & mask) {
        Entry& entry = entries_[index_[place] - 1];
        if (bytes_of(entry.key) != wanted) continue;
        is_new = false;
        return entry;
    }
    is_new = true;
    Entry entry;
    entry.key = key;
    entries_.push_back(entry);
    index_[place] = static_cast<std::uint32_t>(entries_.size());
    return entries_.back();
}

void TableBatch::grow_index() {
    const std::size_t size = std::max(kIndexSizeMin, index_.size() * 2);
    index_.assign(size, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::size_t place = hash_of(bytes_of(entries_[i].key)) & (size - 1);
        while (index_[place] != 0) place = (place + 1) & (size - 1);
        index_[place] = static_cast<std::uint32_t>(i + 1);
    }
}

// By the bytes of the key: neighbours in the index come together, whatever the order among them.
std::vector<Slice> TableBatch::sorted_keys(std::vector<const Entry*>& entries,
                                           bool takes_rows) const {
    std::sort(entries.begin(), entries.end(), [this](const Entry* left, const Entry* right) {
        return bytes_of(left->key) < bytes_of(right->key);
    });
    std::vector<Slice> slices;
    slices.reserve(entries.size());
    for (const Entry* entry : entries) slices.push_back(takes_rows ? entry->row : entry->key);
    return slices;
}

void TableBatch::add_batch(std::vector<Batch>& out, BatchKind kind, const std::string& unchanged,
                           std::vector<Slice> rows,
                           const std::shared_ptr<const std::string>& cells) {
    if (rows.empty()) return;
    out.push_back({plan_->batch_statement(kind, unchanged), cells, std::move(rows)});
}

std::vector<Batch> TableBatch::take() {
    if (!whole_rows_.is_empty()) return whole_rows_.take();
    std::vector<Batch> out;
    std::vector<const Entry*> removed;
    std::vector<std::vector<const Entry*>> updated(masks_.size());
    std::vector<Slice> inserted;
    for (const Entry& entry : entries_) {
        if (entry.removes) removed.push_back(&entry);
        if (entry.image == Image::update) updated[entry.mask].push_back(&entry);
        if (entry.image == Image::insert) inserted.push_back(entry.row);
    }
    const bool is_net = plan_->method() == TablePlan::Method::net;
    const auto slices_of = [&](std::vector<const Entry*>& entries, bool takes_rows) {
        if (is_net) return sorted_keys(entries, takes_rows);
        std::vector<Slice> slices;  // of a run: as the source did it
        for (const Entry* entry : entries) slices.push_back(takes_rows ? entry->row : entry->key);
        return slices;
    };
    std::vector<Slice> removed_keys = slices_of(removed, false);
    std::vector<std::vector<Slice>> updated_rows;
    for (auto& entries : updated) updated_rows.push_back(slices_of(entries, true));
    last_bytes_ = cells_.size();
    const auto cells = std::make_shared<const std::string>(std::exchange(cells_, {}));
    add_batch(out, BatchKind::remove, "", std::move(removed_keys), cells);
    for (std::size_t i = 0; i < updated_rows.size(); ++i)
        add_batch(out, BatchKind::update, masks_[i], std::move(updated_rows[i]), cells);
    add_batch(out, BatchKind::insert, "", std::move(inserted), cells);
    entries_.clear();
    index_.clear();
    if (entries_.capacity() > kEntriesKept) {  // of one table of many
        entries_ = {};
        index_ = {};
    }
    masks_.assign(1, "");
    return out;
}

}  // namespace walpack
