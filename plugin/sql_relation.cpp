#include "sql_relation.h"

#include "protocol/format.h"
#include "sql_value.h"

namespace walpack::sql {

namespace {

constexpr uint32_t kColumnFlags = WALPACK_COLUMN_KEY | WALPACK_COLUMN_IDENTITY_ALWAYS |
                                  WALPACK_COLUMN_IDENTITY_DEFAULT | WALPACK_COLUMN_GENERATED |
                                  WALPACK_COLUMN_NOT_NULL;

bool is_plain_name(const char* name) {
    const char* rest = name + strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return rest[0] == '\0' && name[0] != '\0' && strchr("0123456789", name[0]) == nullptr;
}

// A keyword needs no quotes after a dot; without them names read the same in every version.
char* qualified_name(const char* schema, const char* name) {
    return psprintf("%s.%s", quote_identifier(schema),
                    is_plain_name(name) ? name : quote_identifier(name));
}

// One of the letters in `allowed`.
char read_letter(RecordReader& reader, const char* field, const char* allowed) {
    const Item item = reader.take();
    const char* text = reader.text_of(item, field);
    if (strlen(text) != 1 || strchr(allowed, text[0]) == nullptr) {
        report_invalid(item.offset, psprintf("%s is not one of \"%s\"", field, allowed));
    }
    return text[0];
}

// Reads the elements of a type; the array's head is taken already.
TypeName read_type_elements(RecordReader& reader) {
    TypeName type = {};
    type.oid = static_cast<Oid>(reader.take_unsigned("type oid", UINT32_MAX));
    type.schema = reader.take_text("type schema");
    type.name = reader.take_text("type name");
    return type;
}

TypeName read_type(RecordReader& reader, const char* field) {
    reader.take_array_of(3, field);
    return read_type_elements(reader);
}

TypeName read_optional_type(RecordReader& reader, const char* field) {
    const Item item = reader.take();
    if (item.type == ItemType::kNil) {
        return TypeName{};
    }
    if (item.type != ItemType::kArray || item.count != 3) {
        report_unexpected(item, field, "nil or an array of 3");
    }
    return read_type_elements(reader);
}

uint32_t checked_kind(const Item& item, const char* field) {
    int64_t kind = 0;
    if (!integer_of(item, 0, PG_INT32_MAX, &kind)) {
        report_unexpected(item, field, "an unsigned integer");
    }
    if (kind_name(static_cast<uint32_t>(kind)) == nullptr) {
        report_invalid(item.offset, psprintf("%s %d is unknown", field, static_cast<int>(kind)));
    }
    return static_cast<uint32_t>(kind);
}

// A number read at one place and judged at the next would lose its offset.
uint32_t read_flags(RecordReader& reader, const char* field, uint32_t known) {
    const size_t offset = reader.position();
    const auto flags = static_cast<uint32_t>(reader.take_unsigned(field, UINT32_MAX));
    if ((flags & ~known) != 0) {
        report_invalid(offset, psprintf("%s %u have unknown bits", field, flags));
    }
    return flags;
}

void read_column(RecordReader& reader, Column* column) {
    reader.take_array_of(8, "column");
    column->name = reader.take_text("column name");
    column->kind = checked_kind(reader.take(), "value kind");
    column->flags = read_flags(reader, "column flags", kColumnFlags);
    column->typmod = reader.take_int32("column typmod");
    column->type = read_type(reader, "column type");
    column->base = read_optional_type(reader, "column base type");
    column->element = read_optional_type(reader, "column element type");
    const Item element_kind = reader.take();
    column->element_kind =
        element_kind.type == ItemType::kNil ? 0 : checked_kind(element_kind, "element kind");
}

void read_columns(RecordReader& reader, SourceRelation* relation) {
    const size_t offset = reader.position();
    relation->column_count = reader.take_array("columns");
    if (relation->column_count > MaxTupleAttributeNumber) {
        report_invalid(offset,
                       psprintf("a relation cannot have %u columns", relation->column_count));
    }
    relation->columns =
        static_cast<Column*>(palloc0(sizeof(Column) * Max(relation->column_count, 1)));
    const bool is_own_encoding = reader.text_encoding() == GetDatabaseEncoding();
    for (uint32_t i = 0; i < relation->column_count; i++) {
        Column* column = &relation->columns[i];
        read_column(reader, column);
        prepare_input(*column, is_own_encoding, &column->input);
    }
}

void read_fields(RecordReader& reader, SourceRelation* relation) {
    relation->version = static_cast<uint32_t>(reader.take_unsigned("relation version", UINT32_MAX));
    relation->oid = static_cast<Oid>(reader.take_unsigned("relation oid", UINT32_MAX));
    relation->schema = reader.take_text("relation schema");
    relation->name = reader.take_text("relation name");
    relation->qualified_name = qualified_name(relation->schema, relation->name);
    relation->relkind = read_letter(reader, "relkind", "rp");
    relation->replica_identity = read_letter(reader, "replica identity", "dnfi");
    const Item leaf = reader.take();
    relation->leaf = leaf.type == ItemType::kNil ? nullptr : reader.text_of(leaf, "leaf");
    read_columns(reader, relation);
}

const char* replica_identity_name(char identity) {
    switch (identity) {
        case 'd':
            return "default";
        case 'n':
            return "nothing";
        case 'f':
            return "full";
        default:
            return "index";
    }
}

void write_type(JsonWriter& json, const char* field, const TypeName& type) {
    if (type.name == nullptr) {
        return;
    }
    json.key(field);
    json.text(qualified_name(type.schema, type.name));
    json.key(psprintf("%s_oid", field));
    json.unsigned_integer(type.oid);
}

void write_column(JsonWriter& json, const Column& column) {
    static const struct {
        uint32_t flag;
        const char* name;
    } kFlagNames[] = {{WALPACK_COLUMN_KEY, "key"},
                      {WALPACK_COLUMN_IDENTITY_ALWAYS, "identity_always"},
                      {WALPACK_COLUMN_IDENTITY_DEFAULT, "identity_default"},
                      {WALPACK_COLUMN_GENERATED, "generated"},
                      {WALPACK_COLUMN_NOT_NULL, "not_null"}};
    json.begin_object();
    json.key("name");
    json.text(column.name);
    json.key("kind");
    json.text(kind_name(column.kind));
    json.key("flags");
    json.begin_array();
    for (const auto& flag : kFlagNames) {
        if ((column.flags & flag.flag) != 0) {
            json.text(flag.name);
        }
    }
    json.end_array();
    if (column.typmod != -1) {
        json.key("typmod");
        json.integer(column.typmod);
    }
    write_type(json, "type", column.type);
    write_type(json, "base", column.base);
    write_type(json, "element", column.element);
    if (column.element_kind != 0) {
        json.key("element_kind");
        json.text(kind_name(column.element_kind));
    }
    json.end_object();
}

}  // namespace

bool Column::is_key() const {
    return (flags & WALPACK_COLUMN_KEY) != 0;
}

RelationMap::RelationMap(MemoryContext parent)
    : context_(AllocSetContextCreate(parent, "walpack relations", ALLOCSET_DEFAULT_SIZES)) {
    clear();
}

void RelationMap::clear() {
    MemoryContextReset(context_);
    HASHCTL control = {};
    control.keysize = sizeof(uint32_t);
    control.entrysize = sizeof(SourceRelation);
    control.hcxt = context_;
    relations_ =
        hash_create("walpack relations", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void RelationMap::drop() {
    MemoryContextDelete(context_);
}

const SourceRelation& RelationMap::read(RecordReader& reader) {
    const auto id = static_cast<uint32_t>(reader.take_unsigned("relation id", UINT32_MAX));
    SourceRelation relation = {};
    relation.id = id;
    relation.context = AllocSetContextCreate(context_, "walpack relation", ALLOCSET_SMALL_SIZES);
    MemoryContext old_context = MemoryContextSwitchTo(relation.context);
    read_fields(reader, &relation);
    MemoryContextSwitchTo(old_context);

    bool found = false;
    auto* entry = static_cast<SourceRelation*>(hash_search(relations_, &id, HASH_ENTER, &found));
    if (found) {
        MemoryContextDelete(entry->context);
    }
    *entry = relation;
    return *entry;
}

const SourceRelation* RelationMap::find(uint32_t id) const {
    return static_cast<const SourceRelation*>(hash_search(relations_, &id, HASH_FIND, nullptr));
}

void write_relation(JsonWriter& json, const SourceRelation& relation) {
    json.key("relation");
    json.text(relation.qualified_name);
    json.key("id");
    json.unsigned_integer(relation.id);
    json.key("version");
    json.unsigned_integer(relation.version);
    json.key("oid");
    json.unsigned_integer(relation.oid);
    json.key("relkind");
    json.text(relation.relkind == 'p' ? "partitioned table" : "table");
    json.key("replica_identity");
    json.text(replica_identity_name(relation.replica_identity));
    if (relation.leaf != nullptr) {
        json.key("leaf");
        json.text(relation.leaf);
    }
    json.key("columns");
    json.begin_array();
    for (uint32_t i = 0; i < relation.column_count; i++) {
        write_column(json, relation.columns[i]);
    }
    json.end_array();
}

}  // namespace walpack::sql
