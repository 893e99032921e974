#include "service/selected_tables.h"

#include <utility>

namespace walpack {

SelectedTables::SelectedTables(TransactionSink& sink, TableSelection selection)
    : sink_(sink), selection_(std::move(selection)) {}

bool SelectedTables::holds(const Relation& relation) {
    if (selection_.only.empty()) return true;
    if (&relation != relation_) {
        relation_ = &relation;
        is_held_ = selection_.holds({relation.schema, relation.name});
    }
    return is_held_;
}

// The one that was asked last may be gone, and another one be in its place.
void SelectedTables::relation(const RelationRecord& relation) {
    relation_ = nullptr;
    if (holds(*relation)) sink_.relation(relation);
}

void SelectedTables::change(const RowChange& change) {
    if (holds(*change.relation)) sink_.change(change);
}

void SelectedTables::truncate(const Truncate& truncate) {
    Truncate selected = truncate;
    std::erase_if(selected.relations, [this](const auto& relation) { return !holds(*relation); });
    if (!selected.relations.empty()) sink_.truncate(selected);
}

}  // namespace walpack
