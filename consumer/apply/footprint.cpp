#include "apply/footprint.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walpack {
namespace {

// Beside every table's oid.
constexpr std::uint64_t kForeignKeys = std::uint64_t{1} << 32;

std::uint64_t seed_of(const TablePlan& plan, std::size_t index) {
    return std::uint64_t{plan.table().oid} << 16 | index;
}

bool has_unchanged(Tuple row, const std::vector<std::size_t>& attributes) {
    return std::any_of(attributes.begin(), attributes.end(), [row](std::size_t attribute) {
        return row[attribute].is_unchanged_toast();
    });
}

// 0 where the value was another one before.
template <typename Key, typename Number>
void note(std::map<Key, Number>& notes, Key key, Number value) {
    const auto [known, is_new] = notes.try_emplace(key, value);
    if (!is_new && known->second != value) known->second = 0;
}

template <typename Key, typename Number>
bool have_mixed(const std::map<Key, Number>& later, const std::map<Key, Number>& earlier) {
    return std::ranges::any_of(later, [&earlier](const auto& each) {
        const auto found = earlier.find(each.first);
        return found != earlier.end() && (each.second != found->second || each.second == 0);
    });
}

// Equal for plans of one table whose footprints can be compared.
std::uint64_t way_of(const TablePlan& plan) {
    std::string way(1, static_cast<char>(plan.dependence()));
    const auto add = [&](const std::vector<std::size_t>& attributes) {
        way += '/';
        for (const std::size_t attribute : attributes)
            way += plan.mapping()->columns[attribute].column->name + ',';
    };
    add(plan.key());
    for (const auto& attributes : plan.other_unique()) add(attributes);
    return XXH3_64bits(way.data(), way.size());
}

}  // namespace

void Footprint::add(const TablePlan& plan, const RowChange& change, const CellEncoder& encoder) {
    if (is_everything_) return;
    if (change.kind == ChangeKind::delete_none) return add_everything();  // has no key to go by
    note_table(plan, *change.relation);
    switch (plan.dependence()) {
        case TablePlan::Dependence::everything:
            return add_everything();
        case TablePlan::Dependence::foreign_keys:
            tables_[kForeignKeys].is_exclusive = true;
            return;
        case TablePlan::Dependence::table: {
            TableUse& use = tables_[plan.table().oid];
            const bool is_harmless =
                change.kind == ChangeKind::insert && plan.has_no_unique_index();
            use.is_exclusive = use.is_exclusive || !is_harmless;
            return;
        }
        case TablePlan::Dependence::keys:
            return add_keys(plan, change, encoder);
    }
}

// A row may come as one of its partition in one group and as one of the root in the next one, with
// a key of another table.
void Footprint::note_table(const TablePlan& plan, const Relation& relation) {
    if (last_relation_ == &relation) return;
    last_relation_ = &relation;
    scratch_ = relation.leaf ? *relation.leaf : relation.schema;
    if (!relation.leaf) (scratch_ += '.') += relation.name;
    const std::uint32_t table = plan.table().oid;
    note(came_as_, std::uint64_t{XXH3_64bits(scratch_.data(), scratch_.size())}, table);
    if (!relation.leaf || last_plan_ == &plan) return;
    last_plan_ = &plan;
    note(told_by_, table, way_of(plan));
}

void Footprint::add_everything() {
    *this = Footprint();
    is_everything_ = true;
}

void Footprint::add_keys(const TablePlan& plan, const RowChange& change,
                         const CellEncoder& encoder) {
    const auto& columns = plan.mapping()->columns;
    const auto& key = plan.key();
    // The key of the row that was there, or that comes.
    scratch_.clear();
    for (std::size_t i = 0; i < key.size(); ++i)
        encoder.append(columns[key[i]], plan.forms()[key[i]], key_value(plan, change, i), scratch_);
    hashes_.push_back(XXH3_64bits_withSeed(scratch_.data(), scratch_.size(), seed_of(plan, 0)));
    const bool may_change_key =
        change.kind == ChangeKind::update_key || change.kind == ChangeKind::update_full;
    if (may_change_key) add_hash(plan, seed_of(plan, 0), key, change.new_tuple, encoder);
    if (plan.other_unique().empty()) return;
    TableUse& use = tables_[plan.table().oid];
    use.frees_values = use.frees_values || change.kind != ChangeKind::insert;
    if (change.new_tuple.empty()) return;
    use.takes_values = true;
    for (std::size_t i = 0; i < plan.other_unique().size(); ++i) {
        const auto& attributes = plan.other_unique()[i];
        if (has_unchanged(change.new_tuple, attributes)) {
            use.is_exclusive = true;
        } else {
            add_hash(plan, seed_of(plan, i + 1), attributes, change.new_tuple, encoder);
        }
    }
}

void Footprint::add_hash(const TablePlan& plan, std::uint64_t seed,
                         const std::vector<std::size_t>& attributes, Tuple row,
                         const CellEncoder& encoder) {
    scratch_.clear();
    for (const std::size_t attribute : attributes) {
        encoder.append(plan.mapping()->columns[attribute], plan.forms()[attribute], row[attribute],
                       scratch_);
    }
    hashes_.push_back(XXH3_64bits_withSeed(scratch_.data(), scratch_.size(), seed));
}

void Footprint::finish() {
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
}

bool Footprint::has_common_table(const Footprint& earlier) const {
    for (const auto& [table, use] : tables_) {
        const auto found = earlier.tables_.find(table);
        if (found == earlier.tables_.end()) continue;
        const TableUse& before = found->second;
        if (use.is_exclusive || before.is_exclusive) return true;
        if (use.takes_values && before.frees_values) return true;
    }
    return false;
}

bool Footprint::mixes_tables(const Footprint& earlier) const {
    return have_mixed(came_as_, earlier.came_as_) || have_mixed(told_by_, earlier.told_by_);
}

bool Footprint::depends_on(const Footprint& earlier) const {
    if (is_everything_ || earlier.is_everything_ || has_common_table(earlier)) return true;
    if (mixes_tables(earlier)) return true;
    auto left = hashes_.begin();
    auto right = earlier.hashes_.begin();
    while (left != hashes_.end() && right != earlier.hashes_.end()) {
        if (*left == *right) return true;
        *left < *right ? ++left : ++right;
    }
    return false;
}

}  // namespace walpack
