#include "row_filter.h"

#include "publication_filter.h"

namespace walpack::plugin {
namespace {

/* The filters of one action. */
struct ActionFilters {
    uint8_t action;
    bool is_unfiltered; /* some publication publishes the action without a filter */
    List* expressions;
};

bool is_of_schema([[maybe_unused]] Relation published,
                  [[maybe_unused]] const Publication& publication) {
#if PG_VERSION_NUM >= 150000
    return SearchSysCacheExists2(PUBLICATIONNAMESPACEMAP,
                                 ObjectIdGetDatum(RelationGetNamespace(published)),
                                 ObjectIdGetDatum(publication.oid));
#else
    return false;
#endif
}

/* Null when the publication has no filter for the relation. */
Node* filter_expression([[maybe_unused]] Relation published,
                        [[maybe_unused]] const Publication& publication) {
    Node* expression = nullptr;
#if PG_VERSION_NUM >= 150000
    if (publication.alltables || is_of_schema(published, publication)) return nullptr;
    HeapTuple tuple =
        SearchSysCache2(PUBLICATIONRELMAP, ObjectIdGetDatum(RelationGetRelid(published)),
                        ObjectIdGetDatum(publication.oid));
    if (!HeapTupleIsValid(tuple)) return nullptr;
    bool has_none;
    const Datum stored =
        SysCacheGetAttr(PUBLICATIONRELMAP, tuple, Anum_pg_publication_rel_prqual, &has_none);
    if (!has_none) expression = static_cast<Node*>(stringToNode(TextDatumGetCString(stored)));
    ReleaseSysCache(tuple);
#endif
#if PG_VERSION_NUM >= 180000
    /* A virtual generated column has no value of its own. */
    if (expression != nullptr)
        expression = expand_generated_columns_in_expr(expression, published, 1);
#endif
    return expression;
}

void add_publication(ActionFilters (&actions)[3], Relation published,
                     const Publication& publication) {
    Node* expression = filter_expression(published, publication);
    for (ActionFilters& filters : actions) {
        if ((actions_of(publication) & filters.action) == 0) continue;
        if (expression == nullptr)
            filters.is_unfiltered = true;
        else
            filters.expressions = lappend(filters.expressions, expression);
    }
}

ExprState* compile(const ActionFilters& filters, EState* executor) {
    if (filters.is_unfiltered || filters.expressions == NIL) return nullptr;
    return ExecPrepareExpr(make_orclause(filters.expressions), executor);
}

bool has_filters(const ActionFilters (&actions)[3]) {
    for (const ActionFilters& filters : actions)
        if (!filters.is_unfiltered && filters.expressions != NIL) return true;
    return false;
}

/* Values that the row lacks are NULL: columns of an old key tuple that are not of the key. */
void fill_slot(const RowFilter& filter, const RowValues& row) {
    TupleTableSlot* slot = filter.slot;
    ExecClearTuple(slot);
    const int count = slot->tts_tupleDescriptor->natts;
    for (int index = 0; index < count; ++index) {
        const int own = filter.own_indexes[index];
        slot->tts_isnull[index] = own < 0 || row.nulls[own];
        slot->tts_values[index] = slot->tts_isnull[index] ? Datum(0) : row.values[own];
    }
    ExecStoreVirtualTuple(slot);
}

bool passes(RowFilter& filter, ExprState* expression, const RowValues& row) {
    ResetPerTupleExprContext(filter.executor);
    ExprContext* context = GetPerTupleExprContext(filter.executor);
    fill_slot(filter, row);
    context->ecxt_scantuple = filter.slot;
    bool is_null;
    const Datum result = ExecEvalExprSwitchContext(expression, context, &is_null);
    return !is_null && DatumGetBool(result);
}

bool is_on_disk(const RowValues& row, int index) {
    return VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(row.values[index]));
}

/* The new row as it is to be judged: with what the old row knows of its unchanged TOAST values. */
RowValues complete_row(TupleDesc own, const RowValues& old_row, const RowValues& new_row) {
    const auto count = static_cast<size_t>(own->natts);
    RowValues complete = {static_cast<Datum*>(palloc(count * sizeof(Datum))), new_row.nulls};
    memcpy(complete.values, new_row.values, count * sizeof(Datum));
    for (int index = 0; index < own->natts; ++index) {
        if (TupleDescAttr(own, index)->attlen != -1) continue;
        if (new_row.nulls[index] || old_row.nulls[index]) continue;
        if (is_on_disk(new_row, index) && !is_on_disk(old_row, index))
            complete.values[index] = old_row.values[index];
    }
    return complete;
}

}  // namespace

RowFilter* make_row_filter(Relation published, const List* publications, const int* own_indexes,
                           TupleDesc own) {
    ActionFilters actions[3] = {
        {kPublishInsert, false, NIL}, {kPublishUpdate, false, NIL}, {kPublishDelete, false, NIL}};
    ListCell* cell;
    foreach (cell, publications)
        add_publication(actions, published, *static_cast<const Publication*>(lfirst(cell)));
    if (!has_filters(actions)) return nullptr;

    EState* executor = CreateExecutorState();
    TupleTableSlot* slot = MakeSingleTupleTableSlot(
        CreateTupleDescCopyConstr(RelationGetDescr(published)), &TTSOpsVirtual);
    auto* filter = static_cast<RowFilter*>(palloc(sizeof(RowFilter)));
    *filter = {compile(actions[0], executor),
               compile(actions[1], executor),
               compile(actions[2], executor),
               executor,
               slot,
               own_indexes,
               own};
    return filter;
}

bool passes_insert(RowFilter& filter, const RowValues& row) {
    return filter.insert == nullptr || passes(filter, filter.insert, row);
}

bool passes_delete(RowFilter& filter, const RowValues& row) {
    return filter.remove == nullptr || passes(filter, filter.remove, row);
}

RowVerdict judge_update(RowFilter& filter, const RowValues* old_row, RowValues& new_row) {
    if (filter.update == nullptr) return RowVerdict::kUpdate;
    if (old_row == nullptr)
        return passes(filter, filter.update, new_row) ? RowVerdict::kUpdate : RowVerdict::kSkip;

    const RowValues complete = complete_row(filter.own, *old_row, new_row);
    const bool was_in = passes(filter, filter.update, *old_row);
    const bool is_in = passes(filter, filter.update, complete);
    if (was_in && is_in) return RowVerdict::kUpdate;
    if (was_in) return RowVerdict::kDelete;
    if (!is_in) return RowVerdict::kSkip;
    new_row.values = complete.values;
    return RowVerdict::kInsert;
}

}  // namespace walpack::plugin
