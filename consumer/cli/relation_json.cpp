#include "cli/relation_json.h"

#include <string>
#include <string_view>

namespace walpack {
namespace {

std::string_view name_of(ReplicaIdentity identity) {
    switch (identity) {
        case ReplicaIdentity::default_key:
            return "default";
        case ReplicaIdentity::nothing:
            return "nothing";
        case ReplicaIdentity::full:
            return "full";
        case ReplicaIdentity::index:
            return "index";
    }
    return "unknown";
}

void write_type(JsonWriter& json, const std::string& key, const TypeName& type) {
    json.key(key);
    json.text(type.qualified_name());
    json.key(key + "_oid");
    json.unsigned_integer(type.oid);
}

void write_flags(JsonWriter& json, const Attribute& attribute) {
    json.key("flags");
    json.begin_array();
    if (attribute.is_key) json.text("key");
    if (attribute.is_identity_always) json.text("identity_always");
    if (attribute.is_identity_default) json.text("identity_default");
    if (attribute.is_generated) json.text("generated");
    if (attribute.is_not_null) json.text("not_null");
    json.end_array();
}

void write_attribute(JsonWriter& json, const Attribute& attribute) {
    json.begin_object();
    json.key("name");
    json.text(attribute.name);
    json.key("kind");
    json.text(to_string(attribute.kind));
    write_flags(json, attribute);
    if (attribute.typmod != -1) {
        json.key("typmod");
        json.integer(attribute.typmod);
    }
    write_type(json, "type", attribute.type);
    if (attribute.base) write_type(json, "base", *attribute.base);
    if (attribute.element) write_type(json, "element", *attribute.element);
    if (attribute.element_kind) {
        json.key("element_kind");
        json.text(to_string(*attribute.element_kind));
    }
    json.end_object();
}

}  // namespace

void write_relation(JsonWriter& json, const Relation& relation) {
    json.key("relation");
    json.text(relation.qualified_name());
    json.key("id");
    json.unsigned_integer(relation.id);
    json.key("version");
    json.unsigned_integer(relation.version);
    json.key("oid");
    json.unsigned_integer(relation.oid);
    json.key("relkind");
    json.text(relation.relkind == 'p' ? "partitioned table" : "table");
    json.key("replica_identity");
    json.text(name_of(relation.replica_identity));
    if (relation.leaf) {
        json.key("leaf");
        json.text(*relation.leaf);
    }
    json.key("columns");
    json.begin_array();
    for (const Attribute& attribute : relation.attributes) write_attribute(json, attribute);
    json.end_array();
}

}  // namespace walpack
