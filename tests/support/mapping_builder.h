// Builds relations, target tables and changes for tests of the mapping and of what is made from it.
//
//   const auto mapping = MappingBuilder("t").key("id", "int4").column("v", "text").map();
//
// Both sides get the same columns; target() changes the target's side of the last one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/record.h"
#include "schema/target_table.h"
#include "schema/type_catalog.h"

namespace walpack::test {

// The kind that the plugin chooses for a built-in type that is not a container.
inline ValueKind kind_of(const std::string& schema, const std::string& name) {
    TypeCatalog catalog;
    CatalogType type;
    type.name = {1, schema, name};
    type.is_variable_length = true;
    type.has_send = true;
    catalog.add(type);
    return catalog.shape_of(1).kind;
}

inline Attribute attribute(const std::string& name, const std::string& type,
                           const std::string& schema = "pg_catalog") {
    Attribute made;
    made.name = name;
    made.type = {1, schema, type};
    made.kind = kind_of(schema, type);
    return made;
}

inline TargetColumn target_column(const std::string& name, const std::string& type,
                                  const std::string& schema = "pg_catalog") {
    TargetColumn made;
    made.name = name;
    made.type_oid = 4711;
    made.base_type_oid = 4711;
    made.type_schema = schema;
    made.type_name = type;
    made.declared_type = schema == "pg_catalog" ? type : schema + '.' + type;
    made.kind = kind_of(schema, type);
    made.array_oid = 4712;
    made.has_equality = type != "json" && type != "xml" && type != "point";
    return made;
}

inline Attribute array_attribute(const std::string& name, const std::string& element,
                                 const std::string& schema = "pg_catalog") {
    Attribute made = attribute(name, "_" + element, schema);
    made.kind = ValueKind::array;
    made.element = TypeName{2, schema, element};
    made.element_kind = kind_of(schema, element);
    return made;
}

inline TargetColumn array_column(const std::string& name, const std::string& element,
                                 const std::string& schema = "pg_catalog") {
    TargetColumn made = target_column(name, "_" + element, schema);
    made.kind = ValueKind::array;
    made.declared_type = element + "[]";
    made.element_oid = 77;
    made.element_schema = schema;
    made.element_name = element;
    made.element_kind = kind_of(schema, element);
    made.array_oid = 0;
    return made;
}

class MappingBuilder {
  public:
    explicit MappingBuilder(const std::string& name) {
        relation_.id = 1;
        relation_.schema = "public";
        relation_.name = name;
        table_.schema = "public";
        table_.name = name;
    }

    // A column of the replica identity; column() for the others.
    MappingBuilder& key(const std::string& name, const std::string& type) {
        column(name, type);
        relation_.attributes.back().is_key = true;
        relation_.key_attributes.push_back(relation_.attributes.size() - 1);
        return *this;
    }
    MappingBuilder& column(const std::string& name, const std::string& type) {
        relation_.attributes.push_back(attribute(name, type));
        table_.columns.push_back(target_column(name, type));
        TargetColumn& made = table_.columns.back();
        made.type_oid = static_cast<std::uint32_t>(100 + table_.columns.size());
        made.base_type_oid = made.type_oid;
        made.array_oid = static_cast<std::uint32_t>(200 + table_.columns.size());
        return *this;
    }
    MappingBuilder& array(const std::string& name, const std::string& element) {
        relation_.attributes.push_back(array_attribute(name, element));
        table_.columns.push_back(array_column(name, element));
        return *this;
    }
    // The identity's columns are the target's primary key, and compared exactly.
    MappingBuilder& primary_key() {
        table_.key_columns.clear();
        for (const std::size_t attribute : relation_.key_attributes) {
            TargetColumn& column = table_.columns[attribute];
            column.has_exact_equality = true;
            table_.key_columns.push_back(column.name);
        }
        table_.unique_indexes.push_back({table_.key_columns, true, true});
        return *this;
    }
    MappingBuilder& unique(std::vector<std::string> columns, bool is_plain = true) {
        for (TargetColumn& column : table_.columns) column.has_exact_equality = true;
        table_.unique_indexes.push_back({std::move(columns), is_plain, false});
        return *this;
    }
    MappingBuilder& always_trigger() {
        table_.has_always_triggers = true;
        return *this;
    }
    MappingBuilder& ordinary_trigger() {
        table_.has_ordinary_triggers = true;
        return *this;
    }
    MappingBuilder& foreign_key() {
        table_.is_referencing = true;
        return *this;
    }
    MappingBuilder& referenced() {
        table_.is_referenced = true;
        return *this;
    }
    // A foreign key of it changes rows when the other table's are updated or deleted.
    MappingBuilder& changed_by(std::uint32_t other) {
        table_.changed_by_updates_of = table_.changed_by_deletes_of = {other};
        return foreign_key();
    }
    MappingBuilder& oid(std::uint32_t number) {
        table_.oid = number;
        return *this;
    }
    MappingBuilder& identity_always() {
        table_.columns.back().is_identity_always = true;
        return *this;
    }
    // At both ends.
    MappingBuilder& generated() {
        relation_.attributes.back().is_generated = true;
        table_.columns.back().is_generated = true;
        return *this;
    }
    // At the source alone.
    MappingBuilder& generated_at_source() {
        relation_.attributes.back().is_generated = true;
        return *this;
    }
    MappingBuilder& extra(TargetColumn column) {
        table_.columns.push_back(std::move(column));
        return *this;
    }
    // REPLICA IDENTITY FULL.
    MappingBuilder& full() {
        relation_.replica_identity = ReplicaIdentity::full;
        relation_.key_attributes.clear();
        for (std::size_t index = 0; index < relation_.attributes.size(); ++index) {
            relation_.attributes[index].is_key = true;
            relation_.key_attributes.push_back(index);
        }
        return *this;
    }
    MappingBuilder& target_key(std::vector<std::string> columns) {
        table_.key_columns = std::move(columns);
        return *this;
    }
    MappingBuilder& partitioned() {
        table_.relkind = 'p';
        return *this;
    }
    TargetColumn& last() { return table_.columns.back(); }

    std::shared_ptr<const RelationMapping> map() const {
        return std::make_shared<const RelationMapping>(
            map_relation(std::make_shared<const Relation>(relation_),
                         std::make_shared<const TargetTable>(table_)));
    }

  private:
    Relation relation_;
    TargetTable table_;
};

inline Value integer(std::int64_t number) {
    Value value;
    value.form = Value::Form::integer;
    value.integer = number;
    return value;
}

inline Value text(std::string_view bytes) {
    Value value;
    value.form = Value::Form::bytes;
    value.bytes = bytes;
    return value;
}

inline Value unchanged() {
    Value value;
    value.form = Value::Form::unchanged_toast;
    return value;
}

// Owns the tuples of a change, which itself only points at them.
struct OwnedChange {
    RowChange change;
    std::vector<Value> old_values;
    std::vector<Value> new_values;

    OwnedChange(ChangeKind kind, std::vector<Value> old_tuple, std::vector<Value> new_tuple)
        : old_values(std::move(old_tuple)), new_values(std::move(new_tuple)) {
        change.kind = kind;
        change.old_tuple = old_values;
        change.new_tuple = new_values;
    }
};

}  // namespace walpack::test
