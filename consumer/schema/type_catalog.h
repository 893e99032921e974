// The types of a database as its catalogue describes them, and the kind in which walpack carries
// each.
//
// Serves both ends: for a source it gives the kinds that the plugin chooses (plugin/type_kind.cpp
// holds the same rules, docs/protocol.md is the contract), for a target the kind that a column can
// take.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/relation.h"
#include "pg/connection.h"

namespace walpack {

struct CatalogType {
    TypeName name;
    char type_type = 'b';           // pg_type.typtype
    std::uint32_t base_oid = 0;     // of a domain: the type right below
    std::uint32_t element_oid = 0;  // of an array
    std::uint32_t array_oid = 0;    // of arrays of this type
    std::uint32_t subtype_oid = 0;  // of a range
    std::uint32_t range_oid = 0;    // of a multirange
    std::int32_t typmod = -1;       // of a domain: the modifier of the type right below
    bool has_send = false;
    bool is_variable_length = false;
    bool is_not_null = false;  // of a domain
    bool has_default = false;  // of a domain
    // Schema of the equality operator of the default B-tree class; empty without a class of its
    // own.
    std::string equality_schema;
};

// What a declared type looks like to walpack.
struct TypeShape {
    ValueKind kind = ValueKind::output;
    TypeName declared;
    TypeName base;                    // below all domains; equals declared otherwise
    char type_type = 'b';             // of base
    std::optional<TypeName> element;  // array: element; range: subtype; multirange: range
    std::optional<ValueKind> element_kind;
};

// Two values of the kind are equal exactly when they are the same bytes. False where only the type
// can tell, as for text, whose equality is the collation's.
bool has_exact_equality(ValueKind kind);

class TypeCatalog {
  public:
    // Reads the types and every type they are made of, with one query. Needs a server of version
    // 14 or later.
    static TypeCatalog read(Connection& connection, const std::vector<std::uint32_t>& oids);

    void add(CatalogType type);
    // Throws Error(connection) for a type that was not read: it was dropped meanwhile, so try
    // again.
    const CatalogType& type(std::uint32_t oid) const;
    // The type below all domains.
    const CatalogType& base_of(std::uint32_t oid) const;
    TypeShape shape_of(std::uint32_t declared) const;
    // The type modifier that holds for values of a column: its own, or that of its domain.
    std::int32_t effective_typmod(std::uint32_t declared, std::int32_t column_typmod) const;

  private:
    void set_container(TypeShape& shape, std::uint32_t element, ValueKind kind) const;

    std::map<std::uint32_t, CatalogType> types_;
};

}  // namespace walpack
