#include "publication_filter.h"

namespace walpack::plugin {
namespace {

/* What is asked of each publication; made once per relation. */
struct Membership {
    Oid relation;
    Oid schema;
    List* by_name;   /* oids of publications that name the relation */
    List* by_schema; /* oids of publications of its schema */
    List* ancestors; /* oids of its partitioned ancestors */
};

List* publications_by_name(Oid relation) {
#if PG_VERSION_NUM >= 190000
    return GetRelationIncludedPublications(relation);
#else
    return GetRelationPublications(relation);
#endif
}

List* publications_by_schema([[maybe_unused]] Oid schema) {
#if PG_VERSION_NUM >= 150000
    return GetSchemaPublications(schema);
#else
    return NIL;
#endif
}

Membership membership_of(Relation relation) {
    Membership membership = {};
    membership.relation = RelationGetRelid(relation);
    membership.schema = RelationGetNamespace(relation);
    membership.by_name = publications_by_name(membership.relation);
    membership.by_schema = publications_by_schema(membership.schema);
    if (relation->rd_rel->relispartition)
        membership.ancestors = get_partition_ancestors(membership.relation);
    return membership;
}

bool is_excepted([[maybe_unused]] const Publication& publication,
                 [[maybe_unused]] const Membership& membership) {
#if PG_VERSION_NUM >= 190000
    /* EXCEPT is judged at the topmost ancestor. */
    const Oid judged =
        membership.ancestors == NIL ? membership.relation : llast_oid(membership.ancestors);
    return list_member_oid(GetRelationExcludedPublications(judged), publication.oid);
#else
    return false;
#endif
}

bool covers_an_ancestor(const Publication& publication, const Membership& membership) {
    ListCell* cell;
    foreach (cell, membership.ancestors) {
        const Oid ancestor = lfirst_oid(cell);
        if (list_member_oid(publications_by_name(ancestor), publication.oid) ||
            list_member_oid(publications_by_schema(get_rel_namespace(ancestor)), publication.oid))
            return true;
    }
    return false;
}

[[noreturn]] void refuse(const Publication& publication, Relation relation, const char* feature) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("publication \"%s\" has %s for table \"%s.%s\", which walpack does not "
                    "support",
                    publication.name, feature, get_namespace_name(RelationGetNamespace(relation)),
                    RelationGetRelationName(relation)),
             errhint("Decode from a new slot with a publication that does without.")));
}

/* A row filter or column list stands in the pg_publication_rel row of exactly this relation. */
void refuse_filters([[maybe_unused]] const Publication& publication,
                    [[maybe_unused]] Relation relation) {
#if PG_VERSION_NUM >= 150000
    HeapTuple tuple =
        SearchSysCache2(PUBLICATIONRELMAP, ObjectIdGetDatum(RelationGetRelid(relation)),
                        ObjectIdGetDatum(publication.oid));
    if (!HeapTupleIsValid(tuple)) return;

    bool has_no_filter;
    bool has_no_list;
    SysCacheGetAttr(PUBLICATIONRELMAP, tuple, Anum_pg_publication_rel_prqual, &has_no_filter);
    SysCacheGetAttr(PUBLICATIONRELMAP, tuple, Anum_pg_publication_rel_prattrs, &has_no_list);
    ReleaseSysCache(tuple);
    if (!has_no_filter) refuse(publication, relation, "a row filter");
    if (!has_no_list) refuse(publication, relation, "a column list");
#endif
}

void refuse_generated_columns([[maybe_unused]] const Publication& publication,
                              [[maybe_unused]] Relation relation) {
#if PG_VERSION_NUM >= 180000
    const TupleDesc descriptor = RelationGetDescr(relation);
    const bool has_stored =
        descriptor->constr != nullptr && descriptor->constr->has_generated_stored;
    if (has_stored && publication.pubgencols_type == PUBLISH_GENCOLS_STORED)
        refuse(publication, relation, "generated columns");
#endif
}

uint8_t actions_of(const Publication& publication) {
    return (publication.pubactions.pubinsert ? kPublishInsert : 0) |
           (publication.pubactions.pubupdate ? kPublishUpdate : 0) |
           (publication.pubactions.pubdelete ? kPublishDelete : 0) |
           (publication.pubactions.pubtruncate ? kPublishTruncate : 0);
}

/* What one publication publishes of the relation; reports an error where it asks for the
 * unsupported. */
uint8_t actions_by(const Publication& publication, const Membership& membership,
                   Relation relation) {
    const bool is_all = publication.alltables && !is_excepted(publication, membership);
    const bool is_by_ancestor = !is_all && covers_an_ancestor(publication, membership);
    const bool is_by_itself = list_member_oid(membership.by_name, publication.oid) ||
                              list_member_oid(membership.by_schema, publication.oid);
    if (!is_all && !is_by_ancestor && !is_by_itself) return 0;

    if (publication.pubviaroot && membership.ancestors != NIL && (is_all || is_by_ancestor))
        refuse(publication, relation, "publish_via_partition_root");
    refuse_filters(publication, relation);
    refuse_generated_columns(publication, relation);
    return actions_of(publication);
}

void load_publications(PublicationFilter& filter) {
    const uint32_t loaded_at = filter.invalidations + 1;
    for (int index = 0; index < filter.named_count; ++index)
        filter.named[index].publication = nullptr;
    MemoryContextReset(filter.loaded);

    for (int index = 0; index < filter.named_count; ++index) {
        NamedPublication& named = filter.named[index];
        MemoryContext caller = MemoryContextSwitchTo(filter.loaded);
        named.publication = GetPublicationByName(named.name, true);
        MemoryContextSwitchTo(caller);
        if (named.publication != nullptr || named.was_warned) continue;

        named.was_warned = true;
        named.notice_is_due = true;
        ereport(WARNING, (errcode(ERRCODE_UNDEFINED_OBJECT),
                          errmsg("publication \"%s\" does not exist", named.name),
                          errdetail("It is skipped until the WAL being decoded shows it.")));
    }
    filter.loaded_at = loaded_at;
}

}  // namespace

PublicationFilter make_publication_filter(const List* names, MemoryContext keep) {
    PublicationFilter filter = {};
    filter.loaded = AllocSetContextCreate(keep, "walpack publications", ALLOCSET_SMALL_SIZES);
    if (names == NIL) return filter;

    filter.named = static_cast<NamedPublication*>(
        MemoryContextAllocZero(keep, list_length(names) * sizeof(NamedPublication)));
    ListCell* cell;
    foreach (cell, names)
        filter.named[filter.named_count++].name = static_cast<const char*>(lfirst(cell));
    return filter;
}

uint8_t published_actions(PublicationFilter& filter, Relation relation) {
    /* Partitioned tables hold no rows; from 19 on sequences are publishable too. */
    if (relation->rd_rel->relkind != RELKIND_RELATION || !is_publishable_relation(relation))
        return 0;
    if (filter.named == nullptr) return kPublishAll;
    if (filter.loaded_at != filter.invalidations + 1) load_publications(filter);

    const Membership membership = membership_of(relation);
    uint8_t actions = 0;
    for (int index = 0; index < filter.named_count; ++index)
        if (filter.named[index].publication != nullptr)
            actions |= actions_by(*filter.named[index].publication, membership, relation);
    return actions;
}

}  // namespace walpack::plugin
