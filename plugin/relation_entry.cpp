#include "relation_entry.h"

#include "column_selection.h"
#include "protocol/format.h"

namespace walpack::plugin {
namespace {

/*
 * Columns of the replica identity, offset as in a bitmap of attribute numbers. Never through the
 * other bitmaps of the relation cache: those open every index, and one of them may not exist yet in
 * the snapshot that decoding is at.
 */
Bitmapset* identity_columns(Relation relation) {
    if (relation->rd_rel->relreplident == REPLICA_IDENTITY_NOTHING ||
        relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL)
        return nullptr;
    return RelationGetIdentityKeyBitmap(relation);
}

int index_of_name(TupleDesc descriptor, const char* name) {
    for (int index = 0; index < descriptor->natts; ++index) {
        Form_pg_attribute attribute = TupleDescAttr(descriptor, index);
        if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
            return index;
    }
    return -1;
}

/* Where each attribute of the published relation stands in the relation's own tuple; -1: nowhere.
 */
int* map_attributes(TupleDesc published, TupleDesc own, bool is_same) {
    int* map = static_cast<int*>(palloc(sizeof(int) * static_cast<size_t>(published->natts + 1)));
    for (int index = 0; index < published->natts; ++index) {
        Form_pg_attribute attribute = TupleDescAttr(published, index);
        if (is_same)
            map[index] = index;
        else if (attribute->attisdropped)
            map[index] = -1;
        else
            map[index] = index_of_name(own, NameStr(attribute->attname));
    }
    return map;
}

uint8_t flags_of(Form_pg_attribute published, bool is_key) {
    uint32_t flags = is_key ? WALPACK_COLUMN_KEY : 0;
    if (published->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
        flags |= WALPACK_COLUMN_IDENTITY_ALWAYS;
    if (published->attidentity == ATTRIBUTE_IDENTITY_BY_DEFAULT)
        flags |= WALPACK_COLUMN_IDENTITY_DEFAULT;
    if (published->attgenerated != '\0') flags |= WALPACK_COLUMN_GENERATED;
    if (published->attnotnull) flags |= WALPACK_COLUMN_NOT_NULL;
    return static_cast<uint8_t>(flags);
}

Column make_column(Form_pg_attribute published, Form_pg_attribute own, StringInfo scratch,
                   MemoryContext keep) {
    Column column = {};
    column.index = own->attnum - 1;
    column.length = own->attlen;
    column.typmod = published->atttypmod;
    (void)getBaseTypeAndTypmod(published->atttypid, &column.typmod);
    column.name = pstrdup(NameStr(published->attname));
    column.shape = shape_of_type(own->atttypid);
    column.encoder = make_value_encoder(column.shape, scratch, keep);
    return column;
}

bool is_key_column(Form_pg_attribute own, const RelationEntry& entry, Bitmapset* identity) {
    return entry.identity == REPLICA_IDENTITY_FULL ||
           bms_is_member(own->attnum - FirstLowInvalidHeapAttributeNumber, identity);
}

struct ColumnSource {
    Relation published;
    Bitmapset* selected;
    Bitmapset* identity;
    const int* own_indexes;
};

void build_columns(RelationEntry& entry, const ColumnSource& source, StringInfo scratch) {
    const TupleDesc published = RelationGetDescr(source.published);
    entry.columns =
        static_cast<Column*>(palloc0(static_cast<size_t>(published->natts) * sizeof(Column)));
    for (int index = 0; index < published->natts; ++index) {
        Form_pg_attribute attribute = TupleDescAttr(published, index);
        if (source.own_indexes[index] < 0 || !bms_is_member(attribute->attnum, source.selected))
            continue;
        Form_pg_attribute own = TupleDescAttr(entry.descriptor, source.own_indexes[index]);
        Column& column = entry.columns[entry.column_count++];
        column = make_column(attribute, own, scratch, entry.context);
        column.is_key = is_key_column(own, entry, source.identity);
        column.flags = flags_of(attribute, column.is_key);
        entry.key_count += column.is_key ? 1 : 0;
    }

    /* A key of which a column is not published cannot be sent whole, and part of a key identifies
     * nothing. */
    if (entry.identity == REPLICA_IDENTITY_FULL ||
        entry.key_count == bms_num_members(source.identity))
        return;
    entry.key_count = 0;
    for (int index = 0; index < entry.column_count; ++index) {
        entry.columns[index].is_key = false;
        entry.columns[index].flags &= static_cast<uint8_t>(~WALPACK_COLUMN_KEY);
    }
}

const char* schema_of(Relation relation) {
    const char* schema = get_namespace_name(RelationGetNamespace(relation));
    if (schema == nullptr)
        elog(ERROR, "cache lookup failed for schema %u", RelationGetNamespace(relation));
    return schema;
}

RowValues make_row_values(int count) {
    const auto room = static_cast<size_t>(count);
    return {static_cast<Datum*>(palloc0(room * sizeof(Datum))),
            static_cast<bool*>(palloc0(room * sizeof(bool)))};
}

/* In entry.context. */
void fill_entry(RelationEntry& entry, Relation relation, Relation published, const PublishedAs& as,
                StringInfo scratch) {
    Bitmapset* identity = identity_columns(relation);
    entry.kind = published->rd_rel->relkind;
    entry.identity = relation->rd_rel->relreplident;
    /* With constraints: they hold the values of columns that were added with a default. */
    entry.descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
    entry.name = pstrdup(RelationGetRelationName(published));
    entry.schema = schema_of(published);
    if (entry.is_leaf)
        entry.leaf = psprintf("%s.%s", schema_of(relation), RelationGetRelationName(relation));

    const int* own_indexes =
        map_attributes(RelationGetDescr(published), entry.descriptor, !entry.is_leaf);
    build_columns(entry,
                  {published, selected_columns(published, as.publications), identity, own_indexes},
                  scratch);
    entry.filter = make_row_filter(published, as.publications, own_indexes, entry.descriptor);
    entry.new_row = make_row_values(entry.descriptor->natts);
    entry.old_row = make_row_values(entry.descriptor->natts);
}

}  // namespace

void build_relation_entry(RelationEntry& entry, Relation relation, PublicationFilter& filter,
                          StringInfo scratch, List** ancestors) {
    const PublishedAs as = published_as(filter, relation);
    *ancestors = as.ancestors;
    entry.actions = as.actions;
    entry.published_oid = as.relation;
    entry.is_leaf = as.relation != RelationGetRelid(relation);
    entry.leaf = nullptr;
    entry.column_count = 0;
    entry.key_count = 0;
    entry.filter = nullptr;
    MemoryContextReset(entry.context);
    if (entry.actions == 0) return;

    Relation published = entry.is_leaf ? RelationIdGetRelation(as.relation) : relation;
    if (!RelationIsValid(published))
        elog(ERROR, "could not open partitioned table with OID %u", as.relation);
    MemoryContext caller = MemoryContextSwitchTo(entry.context);
    fill_entry(entry, relation, published, as, scratch);
    MemoryContextSwitchTo(caller);
    if (entry.is_leaf) RelationClose(published);
}

}  // namespace walpack::plugin
