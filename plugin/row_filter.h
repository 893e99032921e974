/*
 * Row filters of publications: which rows of a relation are published.
 *
 * Filters of several publications are joined by OR, for each action by itself; a publication
 * without a filter lets every row of its actions pass. NULL counts as false. An update whose row
 * crosses the filter is published as the insert or the delete that it is for the reader. These are
 * the rules of the server's own plugin (pgoutput_row_filter in pgoutput.c).
 *
 * Filters are expressions over the relation that rows are published as, so rows of a partition are
 * brought into the order of its columns first.
 */
#ifndef WALPACK_PLUGIN_ROW_FILTER_H
#define WALPACK_PLUGIN_ROW_FILTER_H

#include "server.h"

namespace walpack::plugin {

/* A deformed tuple, by the relation's own attributes. */
struct RowValues {
    Datum* values;
    bool* nulls;
};

enum class RowVerdict : uint8_t { kSkip, kInsert, kUpdate, kDelete };

struct RowFilter {
    ExprState* insert; /* null: every row passes */
    ExprState* update;
    ExprState* remove;
    EState* executor;
    TupleTableSlot* slot;   /* a row as the published relation has it */
    const int* own_indexes; /* per attribute of the published relation; -1 for none */
    TupleDesc own;          /* of the relation itself */
};

/*
 * Null when every row passes. `own_indexes` says where an attribute of `published` stands in the
 * relation's own tuple, whose descriptor is `own`; both must live as long as the filter. Memory
 * comes from the current memory context. Reads catalogues.
 */
RowFilter* make_row_filter(Relation published, const List* publications, const int* own_indexes,
                           TupleDesc own);

/* `row` is the new row of an insert, the old row of a delete. */
bool passes_insert(RowFilter& filter, const RowValues& row);
bool passes_delete(RowFilter& filter, const RowValues& row);

/*
 * `old_row` is null when WAL holds none: then the replica identity did not change. For kInsert,
 * values of `new_row` that are unchanged TOAST are replaced by those of the old row where it has
 * them.
 */
RowVerdict judge_update(RowFilter& filter, const RowValues* old_row, RowValues& new_row);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_ROW_FILTER_H
