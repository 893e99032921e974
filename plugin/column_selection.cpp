#include "column_selection.h"

namespace walpack::plugin {
namespace {

[[noreturn]] void report_disagreement(Relation published, const char* what) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("publications with different %s for table \"%s.%s\" cannot be combined", what,
                    get_namespace_name(RelationGetNamespace(published)),
                    RelationGetRelationName(published)),
             errhint("Alter the publications, or name only one of them in publication_names. What "
                     "was written before still needs the old ones: then start from a new slot.")));
}

Bitmapset* columns_without_list(Relation published, bool with_stored_generated) {
    const TupleDesc descriptor = RelationGetDescr(published);
    Bitmapset* columns = nullptr;
    for (int index = 0; index < descriptor->natts; ++index) {
        Form_pg_attribute attribute = TupleDescAttr(descriptor, index);
        const bool is_stored = attribute->attgenerated == ATTRIBUTE_GENERATED_STORED;
        if (attribute->attisdropped) continue;
        if (attribute->attgenerated != '\0' && !(is_stored && with_stored_generated)) continue;
        columns = bms_add_member(columns, attribute->attnum);
    }
    return columns;
}

/* Null when the publication has none for the relation. */
Bitmapset* column_list([[maybe_unused]] Relation published,
                       [[maybe_unused]] const Publication& publication) {
    Bitmapset* columns = nullptr;
#if PG_VERSION_NUM >= 150000
    if (publication.alltables) return nullptr;
    HeapTuple tuple =
        SearchSysCache2(PUBLICATIONRELMAP, ObjectIdGetDatum(RelationGetRelid(published)),
                        ObjectIdGetDatum(publication.oid));
    if (!HeapTupleIsValid(tuple)) return nullptr;
    bool has_no_list;
    const Datum list =
        SysCacheGetAttr(PUBLICATIONRELMAP, tuple, Anum_pg_publication_rel_prattrs, &has_no_list);
    if (!has_no_list) columns = pub_collist_to_bitmapset(nullptr, list, CurrentMemoryContext);
    ReleaseSysCache(tuple);
#endif
    return columns;
}

/* Publications with a column list do not count here: the list names what it wants. */
bool wants_stored_generated([[maybe_unused]] Relation published,
                            [[maybe_unused]] const List* publications) {
    bool is_wanted = false;
#if PG_VERSION_NUM >= 180000
    const TupleConstr* constraints = RelationGetDescr(published)->constr;
    if (constraints == nullptr ||
        (!constraints->has_generated_stored && !constraints->has_generated_virtual))
        return false;

    bool is_first = true;
    ListCell* cell;
    foreach (cell, publications) {
        const auto& publication = *static_cast<const Publication*>(lfirst(cell));
        if (column_list(published, publication) != nullptr) continue;
        const bool this_wants = publication.pubgencols_type == PUBLISH_GENCOLS_STORED;
        if (!is_first && this_wants != is_wanted)
            report_disagreement(published, "publish_generated_columns");
        is_wanted = this_wants;
        is_first = false;
    }
#endif
    return is_wanted;
}

}  // namespace

Bitmapset* selected_columns(Relation published, const List* publications) {
    Bitmapset* all =
        columns_without_list(published, wants_stored_generated(published, publications));
    Bitmapset* selected = nullptr;
    ListCell* cell;
    foreach (cell, publications) {
        Bitmapset* columns = column_list(published, *static_cast<const Publication*>(lfirst(cell)));
        if (columns == nullptr) columns = all;
        if (selected != nullptr && !bms_equal(selected, columns))
            report_disagreement(published, "column lists");
        selected = columns;
    }
    return selected == nullptr ? all : selected;
}

}  // namespace walpack::plugin
