#include "publication_filter.h"

namespace walpack::plugin {
namespace {

/* What is asked of each publication; made once per relation. */
struct Membership {
    Oid relation;
    bool is_partitioned; /* a partitioned table, which is published only as a partition root */
    List* by_name;       /* oids of publications that name the relation */
    List* by_schema;     /* oids of publications of its schema */
    List* ancestors;     /* oids of its partitioned ancestors, the nearest first */
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
    membership.is_partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
    membership.by_name = publications_by_name(membership.relation);
    membership.by_schema = publications_by_schema(RelationGetNamespace(relation));
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

/* How far up the topmost ancestor is that the publication names; 0 for none, 1 for the parent. */
int level_of_named_ancestor(const Publication& publication, const Membership& membership) {
    int named_level = 0;
    int level = 0;
    ListCell* cell;
    foreach (cell, membership.ancestors) {
        const Oid ancestor = lfirst_oid(cell);
        ++level;
        if (list_member_oid(publications_by_name(ancestor), publication.oid) ||
            list_member_oid(publications_by_schema(get_rel_namespace(ancestor)), publication.oid))
            named_level = level;
    }
    return named_level;
}

/* What one publication says of the relation. */
struct Coverage {
    bool is_covered;
    int level; /* of the relation that it is published as: 0 is itself, 1 its parent */
};

Coverage coverage_by(const Publication& publication, const Membership& membership) {
    int named_level = 0;
    bool is_covered = true;
    if (publication.alltables) {
        if (is_excepted(publication, membership)) return {false, 0};
        named_level = list_length(membership.ancestors);
    } else {
        named_level = level_of_named_ancestor(publication, membership);
        is_covered = named_level > 0 || list_member_oid(membership.by_name, publication.oid) ||
                     list_member_oid(membership.by_schema, publication.oid);
    }
    if (membership.is_partitioned && !publication.pubviaroot) return {false, 0};
    return {is_covered, publication.pubviaroot ? named_level : 0};
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

/* Only tables; from 19 on sequences are publishable too. */
bool may_be_published(Relation relation) {
    const char kind = relation->rd_rel->relkind;
    return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
           is_publishable_relation(relation);
}

}  // namespace

uint8_t actions_of(const Publication& publication) {
    return (publication.pubactions.pubinsert ? kPublishInsert : 0) |
           (publication.pubactions.pubupdate ? kPublishUpdate : 0) |
           (publication.pubactions.pubdelete ? kPublishDelete : 0) |
           (publication.pubactions.pubtruncate ? kPublishTruncate : 0);
}

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

PublishedAs published_as(PublicationFilter& filter, Relation relation) {
    PublishedAs result = {0, RelationGetRelid(relation), NIL, NIL};
    if (!may_be_published(relation)) return result;
    if (filter.named == nullptr) {
        /* What is emptied in a partitioned table are its partitions. */
        if (relation->rd_rel->relkind == RELKIND_RELATION) result.actions = kPublishAll;
        return result;
    }
    if (filter.loaded_at != filter.invalidations + 1) load_publications(filter);

    const Membership membership = membership_of(relation);
    result.ancestors = membership.ancestors;
    int level = 0;
    for (int index = 0; index < filter.named_count; ++index) {
        const Publication* publication = filter.named[index].publication;
        if (publication == nullptr) continue;
        const Coverage coverage = coverage_by(*publication, membership);
        if (!coverage.is_covered) continue;

        result.actions |= actions_of(*publication);
        if (coverage.level < level) continue;
        if (coverage.level > level) result.publications = NIL;
        level = coverage.level;
        result.publications = lappend(result.publications, const_cast<Publication*>(publication));
    }
    if (level > 0) result.relation = list_nth_oid(membership.ancestors, level - 1);
    return result;
}

}  // namespace walpack::plugin
