/*
 * The Relation record: what rows need to be shown by column name, and the types of their values.
 *
 * A RelationMap holds the relations of one scope, see sql_scope.h, in a memory context of its own;
 * a description stays valid until the relation is described again, the map is dropped or its
 * parent context ends.
 */
#ifndef WALPACK_PLUGIN_SQL_RELATION_H
#define WALPACK_PLUGIN_SQL_RELATION_H

#include "sql_json.h"
#include "sql_record_reader.h"
#include "sql_server.h"

namespace walpack::sql {

// A type as the source names it; name is NULL where the record says nil.
struct TypeName {
    Oid oid;
    char* schema;
    char* name;
};

// How a value in send form becomes text. is_usable is false when this database does not have the
// very type that the record means: the bytes are then shown as they are.
struct TypeInput {
    bool is_usable;
    Oid parameter;
    FmgrInfo receive;
    FmgrInfo output;
};

struct Column {
    char* name;
    uint32_t kind;
    uint32_t flags;
    int32_t typmod;
    TypeName type;
    TypeName base;
    TypeName element;
    uint32_t element_kind;  // 0 where the record says nil
    TypeInput input;

    [[nodiscard]] bool is_key() const;
    // The type below all domains.
    [[nodiscard]] const TypeName& value_type() const { return base.name != nullptr ? base : type; }
};

struct SourceRelation {
    uint32_t id;  // key of the map's hash table
    uint32_t version;
    Oid oid;
    char* schema;
    char* name;
    char* qualified_name;  // quoted where needed
    char* leaf;            // the partition whose rows these are; NULL where the record says nil
    char relkind;
    char replica_identity;
    uint32_t column_count;
    Column* columns;
    MemoryContext context;
};

static_assert(std::is_trivially_destructible_v<SourceRelation>);

class RelationMap {
  public:
    // Lives in `parent`.
    explicit RelationMap(MemoryContext parent);

    // Reads the fields of a Relation record that follow its type, and remembers the relation in
    // place of an earlier description. Send-form values are shown as text only if the message is in
    // the encoding of this database, as receive functions assume.
    const SourceRelation& read(RecordReader& reader);

    // NULL when the id was not described.
    [[nodiscard]] const SourceRelation* find(uint32_t id) const;

    // A new session begins: its ids have nothing to do with those before.
    void clear();

    // Frees all of it; the map must not be used any more.
    void drop();

  private:
    MemoryContext context_;
    HTAB* relations_ = nullptr;
};

static_assert(std::is_trivially_destructible_v<RelationMap>);

// Writes the record's members, after "record".
void write_relation(JsonWriter& json, const SourceRelation& relation);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RELATION_H
