// What the source's catalogues say of the objects of an archive, beyond its list: whose an index or
// a constraint is, and what kind of it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

struct ObjectAddress {
    std::uint32_t class_oid = 0;
    std::uint32_t object_oid = 0;
    auto operator<=>(const ObjectAddress&) const = default;
};

// An object that is part of a table.
struct OwnedObject {
    std::uint32_t table = 0;       // OID
    std::uint32_t referenced = 0;  // of a foreign key: OID of the other table; else 0
    bool is_unique = false;        // primary key, unique constraint, unique index
    std::string name;
};

struct SourceTable {
    TableName name;
    char relkind = 'r';
    bool is_permanent = true;
};

struct SourceFacts {
    std::map<ObjectAddress, OwnedObject> owned;
    std::map<std::uint32_t, SourceTable> tables;
    std::map<std::uint32_t, std::uint32_t> extensions;  // of the tables that one made; OIDs
    // Extensions (OIDs) that an object needs and pg_dump does not tell: of constraints those of
    // their operators and of their index's operator classes; of functions whose bodies are text,
    // those that have a function which the body calls.
    std::map<ObjectAddress, std::vector<std::uint32_t>> extensions_needed;

    const OwnedObject* find_owned(std::uint32_t class_oid, std::uint32_t object_oid) const;
    const SourceTable* find_table(std::uint32_t oid) const;
};

// Of the objects with these OIDs, whatever catalogue they are in.
SourceFacts read_source_facts(Connection& source, const std::vector<std::uint32_t>& oids);

// Tables that the role may not read, which pg_dump would stop at. Quoted, "schema"."table".
std::vector<std::string> read_unreadable_tables(Connection& source);

}  // namespace walpack
