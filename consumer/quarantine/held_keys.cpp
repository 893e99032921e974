#include "quarantine/held_keys.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace walpack {
namespace {

using Form = KeyImage::Form;
using Columns = std::vector<std::string>;

Columns sorted(Columns columns) {
    std::ranges::sort(columns);
    return columns;
}

bool has_all(const Relation& relation, const Columns& columns) {
    return std::ranges::all_of(columns, [&relation](const std::string& column) {
        return std::ranges::find(relation.attributes, column, &Attribute::name) !=
               relation.attributes.end();
    });
}

// Equal texts are equal values there, and no others. Money has one text in the stream and another
// one, which depends on lc_monetary, where a row was read by SQL.
bool is_exact(const TargetTable& table, const Columns& columns) {
    return std::ranges::all_of(columns, [&table](const std::string& name) {
        const TargetColumn* column = table.find(name);
        return column != nullptr && column->has_exact_equality && column->kind != ValueKind::money;
    });
}

// What identifies the rows of a relation on the target: the columns of a key, or all of them. NULL
// is a value of it: the source may have one where the target refuses it.
struct Identity {
    Columns columns;

    KeyImage before(const RowImages& row) const { return row.row_before(columns); }
    KeyImage after(const RowImages& row) const { return row.row_after(columns); }
};

Identity identity_of(const Relation& relation, const TargetTable& table) {
    const bool is_full = relation.replica_identity == ReplicaIdentity::full;
    if (is_full && !table.key_columns.empty() && has_all(relation, table.key_columns))
        return {sorted(table.key_columns)};
    Identity identity;
    for (const std::size_t attribute : relation.key_attributes)
        identity.columns.push_back(relation.attributes[attribute].name);
    if (is_full) {
        identity.columns.clear();
        for (const Attribute& attribute : relation.attributes)
            identity.columns.push_back(attribute.name);
    }
    identity.columns = sorted(std::move(identity.columns));
    return identity;
}

bool is_known(const KeyImage& image) {
    return image.form != Form::unknown && image.form != Form::unchanged;
}

}  // namespace

void HeldKeys::Index::note(const KeyImage& image, std::uint64_t id) {
    if (image.form == Form::none || image.form == Form::null) return;
    last = id;
    if (image.form == Form::value) {
        values[image.value] = id;
    } else {
        last_unknown = id;
    }
}

std::optional<std::uint64_t> HeldKeys::Index::find(const std::string& value) const {
    const auto found = values.find(value);
    if (found == values.end()) return last_unknown;
    return std::max(found->second, last_unknown.value_or(0));
}

class HeldKeys::Wait {
  public:
    void add(std::optional<std::uint64_t> id) {
        if (id && (!last_ || *last_ < *id)) last_ = id;
    }
    std::optional<std::uint64_t> last() const { return last_; }

  private:
    std::optional<std::uint64_t> last_;
};

void HeldKeys::set_foreign_keys(std::vector<ForeignKey> foreign_keys) {
    WALPACK_CHECK(empty());
    references_.clear();
    concerned_.clear();
    foreign_keys_ = std::move(foreign_keys);
    changed_by_.clear();
    for (const ForeignKey& key : foreign_keys_) {
        if (!key.acts()) continue;
        for (const TableName& child : key.children)
            changed_by_[child] = reach(child, &ForeignKey::parents, &ForeignKey::children);
    }
}

std::uint64_t HeldKeys::rows_of(const TableName& table) const {
    const auto found = tables_.find(table);
    return found == tables_.end() ? 0 : found->second.rows;
}

bool HeldKeys::concerns(const TableName& table) const {
    return concerned_.contains(table);
}

std::optional<std::uint64_t> HeldKeys::waits_for(const RowChange& change,
                                                 const TargetTable* table) const {
    if (empty()) return std::nullopt;
    const TableName name{change.relation->schema, change.relation->name};
    if (!concerns(name)) return std::nullopt;
    Wait wait;
    wait_for_row(wait, change, table);
    const RowImages row(change);
    for (std::size_t number = 0; number < foreign_keys_.size(); ++number) {
        const ForeignKey& key = foreign_keys_[number];
        if (key.children.contains(name)) wait_for_parent(wait, key, row, table);
        if (key.parents.contains(name)) wait_for_children(wait, number, change, table);
    }
    wait_for_cascade(wait, name, change);
    return wait.last();
}

void HeldKeys::wait_for_row(Wait& wait, const RowChange& change, const TargetTable* table) const {
    const auto found = tables_.find({change.relation->schema, change.relation->name});
    if (found == tables_.end()) return;
    const HeldTable& held = found->second;
    if (held.is_opaque || table == nullptr) return wait.add(held.last);
    const Identity identity = identity_of(*change.relation, *table);
    const RowImages row(change);
    if (identity.columns.empty()) {
        if (change.kind != ChangeKind::insert) wait.add(held.last);
    } else {
        const bool is_comparable = is_exact(*table, identity.columns) &&
                                   held.identities == std::set<Columns>{identity.columns};
        if (!is_comparable) return wait.add(held.last);
        const Index& index = held.keys.at(identity.columns);
        for (const KeyImage& image : {identity.before(row), identity.after(row)}) {
            if (image.form == Form::value) wait.add(index.find(image.value));
            if (!is_known(image)) wait.add(held.last);
        }
    }
    wait_for_values(wait, held, row, *table);
}

void HeldKeys::wait_for_values(Wait& wait, const HeldTable& held, const RowImages& row,
                               const TargetTable& table) const {
    for (const UniqueIndex& unique : table.unique_indexes) {
        const Columns columns = sorted(unique.columns);
        const KeyImage after = row.after(columns);
        // What stays as it is takes no value from anyone.
        if (after.form == Form::none || after.form == Form::unchanged) continue;
        const auto index = held.keys.find(columns);
        if (!unique.is_plain || !is_exact(table, columns) || index == held.keys.end()) {
            wait.add(held.last);
        } else if (after.form == Form::value) {
            wait.add(index->second.find(after.value));
        } else if (after.form == Form::unknown) {
            wait.add(index->second.last);
        }
    }
}

void HeldKeys::wait_for_parent(Wait& wait, const ForeignKey& key, const RowImages& row,
                               const TargetTable* table) const {
    const KeyImage after = row.after(key.child_columns);
    if (after.form == Form::none || after.form == Form::null) return;
    const bool is_exact_here = table != nullptr && is_exact(*table, key.child_columns);
    for (const auto& [name, parent] : tables_) {
        if (!key.parents.contains(name)) continue;
        const auto index = parent.keys.find(key.parent_columns);
        const bool is_comparable =
            key.has_like_types && !parent.is_opaque && index != parent.keys.end() && is_exact_here;
        if (!is_comparable || after.form != Form::value) {
            wait.add(parent.last);
        } else {
            wait.add(index->second.find(after.value));
        }
    }
}

void HeldKeys::wait_for_children(Wait& wait, std::size_t foreign_key, const RowChange& change,
                                 const TargetTable* table) const {
    const auto found = references_.find(foreign_key);
    if (found == references_.end() || change.kind == ChangeKind::insert) return;
    const Columns& columns = foreign_keys_[foreign_key].parent_columns;
    const RowImages row(change);
    const KeyImage before = row.before(columns);
    const KeyImage after = row.after(columns);
    if (after.form == Form::unchanged || before == after || before.form == Form::null) return;
    const bool is_comparable = foreign_keys_[foreign_key].has_like_types && table != nullptr &&
                               is_exact(*table, columns) && before.form == Form::value;
    for (const auto& [name, children] : found->second)
        wait.add(is_comparable ? children.find(before.value) : children.last);
}

// What one step changes is told by the values that refer to it; further ones are not.
void HeldKeys::wait_for_cascade(Wait& wait, const TableName& name, const RowChange& change) const {
    if (change.kind == ChangeKind::insert) return;
    const RowImages row(change);
    const bool is_delete = change.new_tuple.empty();
    const auto reaches = [&](const ForeignKey& key) {
        const bool acts = is_delete ? key.acts_on_delete : key.acts_on_update;
        if (!acts || !key.parents.contains(name)) return false;
        const KeyImage after = row.after(key.parent_columns);
        return after.form != Form::unchanged && row.before(key.parent_columns) != after;
    };
    for (const ForeignKey& key : foreign_keys_) {
        if (!reaches(key)) continue;
        for (const auto& [held_table, held] : tables_) {
            const bool is_reached = std::ranges::any_of(key.children, [&](const TableName& child) {
                return changed_by_.at(child).contains(held_table);
            });
            if (is_reached) wait.add(held.last);
        }
    }
}

std::set<TableName> HeldKeys::reach(const TableName& table, Ends from, Ends to) const {
    std::set<TableName> reached;
    std::vector<TableName> open{table};
    while (!open.empty()) {
        const TableName next = std::move(open.back());
        open.pop_back();
        for (const ForeignKey& key : foreign_keys_) {
            if (!key.acts() || !(key.*from).contains(next)) continue;
            for (const TableName& other : key.*to)
                if (reached.insert(other).second) open.push_back(other);
        }
    }
    return reached;
}

void HeldKeys::add(std::uint64_t id, const RowChange& change, const TargetTable* table,
                   const HeldTuple* found) {
    const TableName name{change.relation->schema, change.relation->name};
    HeldTable& held = tables_[name];
    const std::uint64_t before = std::exchange(held.last, id);
    WALPACK_CHECK(before < id);
    ++held.rows;
    ++rows_;
    note(id, RowImages(change, found), change, table);
    if (held.rows > 1) return;
    concerned_.insert(name);
    for (const ForeignKey& key : foreign_keys_) {
        if (key.parents.contains(name)) concerned_.insert(key.children.begin(), key.children.end());
        if (key.children.contains(name)) concerned_.insert(key.parents.begin(), key.parents.end());
    }
    concerned_.merge(reach(name, &ForeignKey::children, &ForeignKey::parents));
}

void HeldKeys::add_image(std::uint64_t id, const RowChange& change, const TargetTable* table) {
    note(id, RowImages(change), change, table);
}

void HeldKeys::note(std::uint64_t id, const RowImages& row, const RowChange& change,
                    const TargetTable* table) {
    const TableName name{change.relation->schema, change.relation->name};
    HeldTable& held = tables_.at(name);
    const bool was_held = is_held(row, change, table);
    if (table == nullptr) {
        held.is_opaque = true;
    } else {
        note_identity(held, id, row, change, *table);
        note_values(held, id, row, *table, was_held);
    }
    note_references(id, row, name, table, was_held);
}

// The old values of a row of which an earlier change is held are among those already.
bool HeldKeys::is_held(const RowImages& row, const RowChange& change,
                       const TargetTable* table) const {
    if (table == nullptr) return false;
    const Identity identity = identity_of(*change.relation, *table);
    const auto held = tables_.find({change.relation->schema, change.relation->name});
    if (held == tables_.end()) return false;
    const auto index = held->second.keys.find(identity.columns);
    const KeyImage before = identity.before(row);
    return index != held->second.keys.end() && before.form == Form::value &&
           index->second.values.contains(before.value);
}

void HeldKeys::note_identity(HeldTable& held, std::uint64_t id, const RowImages& row,
                             const RowChange& change, const TargetTable& table) const {
    const Identity identity = identity_of(*change.relation, table);
    const bool has_none = identity.columns.empty();
    // An insert into a table whose rows nothing identifies is in nobody's way.
    if (has_none && change.kind == ChangeKind::insert) return;
    if (has_none || !is_exact(table, identity.columns)) {
        held.is_opaque = true;
        return;
    }
    held.identities.insert(identity.columns);
    Index& index = held.keys[identity.columns];
    for (const KeyImage& image : {identity.before(row), identity.after(row)}) {
        index.note(image, id);
        if (!is_known(image)) held.is_opaque = true;
    }
}

void HeldKeys::note_values(HeldTable& held, std::uint64_t id, const RowImages& row,
                           const TargetTable& table, bool was_held) const {
    std::set<Columns> lists;
    for (const UniqueIndex& unique : table.unique_indexes) lists.insert(sorted(unique.columns));
    for (const ForeignKey& key : foreign_keys_) {
        if (key.parents.contains({table.schema, table.name})) lists.insert(key.parent_columns);
    }
    for (const Columns& columns : lists) {
        if (!is_exact(table, columns)) continue;
        const auto [index, is_new] = held.keys.try_emplace(columns);
        // Of rows that were held before there was such an index.
        if (is_new && held.rows > 1) index->second.note({Form::unknown, ""}, id);
        for (const KeyImage& image : {row.before(columns), row.after(columns)}) {
            if (is_known(image) || !was_held) index->second.note(image, id);
        }
    }
}

void HeldKeys::note_references(std::uint64_t id, const RowImages& row, const TableName& name,
                               const TargetTable* table, bool was_held) {
    for (std::size_t number = 0; number < foreign_keys_.size(); ++number) {
        const ForeignKey& key = foreign_keys_[number];
        if (!key.children.contains(name)) continue;
        Index& index = references_[number][name];
        const bool is_comparable = table != nullptr && is_exact(*table, key.child_columns);
        for (const KeyImage& image :
             {row.before(key.child_columns), row.after(key.child_columns)}) {
            const bool has_value = image.form != Form::none && image.form != Form::null;
            if (!is_comparable && has_value) {
                index.note({Form::unknown, ""}, id);
            } else if (is_known(image) || !was_held) {
                index.note(image, id);
            }
        }
    }
}

void HeldKeys::forget(const TableName& table) {
    const auto found = tables_.find(table);
    if (found == tables_.end()) return;
    rows_ -= found->second.rows;
    tables_.erase(found);
    for (auto& [number, of_tables] : references_) of_tables.erase(table);
}

bool HeldKeys::holds_row_of(const RowChange& change, const TargetTable& table) const {
    return is_held(RowImages(change), change, &table);
}

std::vector<std::string> HeldKeys::missing_columns(const RowChange& change,
                                                   const TargetTable& table) const {
    if (change.kind == ChangeKind::insert) return {};
    const TableName name{table.schema, table.name};
    std::set<std::string> wanted;
    for (const UniqueIndex& unique : table.unique_indexes)
        wanted.insert(unique.columns.begin(), unique.columns.end());
    for (const ForeignKey& key : foreign_keys_) {
        if (key.parents.contains(name))
            wanted.insert(key.parent_columns.begin(), key.parent_columns.end());
        if (key.children.contains(name))
            wanted.insert(key.child_columns.begin(), key.child_columns.end());
    }
    const RowImages row(change);
    std::vector<std::string> missing;
    for (const std::string& column : wanted) {
        if (!is_known(row.before({column}))) missing.push_back(column);
    }
    return missing;
}

}  // namespace walpack
