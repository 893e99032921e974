// A target table as the applier needs it, and how a source relation maps onto it: by schema, name
// and column name.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/relation.h"
#include "pg/connection.h"

namespace walpack {

struct TargetColumn {
    std::string name;
    std::int16_t number = 0;
    std::uint32_t type_oid = 0;       // as declared
    std::uint32_t base_type_oid = 0;  // below all domains
    std::string type_schema;          // of the base type
    std::string type_name;
    std::string declared_type;          // as format_type() writes it, for casts and messages
    char type_type = 'b';               // pg_type.typtype of the base type
    std::int32_t typmod = -1;           // of the column or of its domain
    std::int32_t declared_typmod = -1;  // of the column alone
    std::uint32_t element_oid = 0;      // of an array's element; 0 otherwise
    // Of arrays of the declared type; 0 where there are none, as for a type that is an array.
    std::uint32_t array_oid = 0;
    std::string element_schema;  // of an array's element, a range's subtype, a multirange's range
    std::string element_name;
    // How walpack would carry the column's values if the target were a source.
    ValueKind kind = ValueKind::output;
    std::optional<ValueKind> element_kind;
    // Schema of the type's own equality operator; empty where the built-in one serves.
    std::string equality_schema;
    // The same value is equal to itself by the `=` of the type's B-trees and hashes, and that can
    // be asked without naming a collation.
    bool has_equality = false;
    bool is_identity_always = false;
    bool is_generated = false;
    bool is_not_null = false;
    bool has_default = false;
    // Two stored values are equal on the target exactly when their bytes are: no citext, numeric,
    // float, nondeterministic collation. False where nobody made sure.
    bool has_exact_equality = false;
};

// What forbids certain pairs of rows: a unique index, or an exclusion constraint's.
struct UniqueIndex {
    std::vector<std::string> columns;  // of the key, without those of INCLUDE and expressions
    // Values of the columns alone decide, at once, by the columns' own equality, and NULLs differ:
    // no expression, predicate, deferral, exclusion operator, other collation or operator class; of
    // the table itself and valid.
    bool is_plain = false;
    // The one that TargetTable::key_columns come from.
    bool is_key = false;

    friend bool operator==(const UniqueIndex&, const UniqueIndex&) = default;
};

struct TableName {
    std::string schema;
    std::string table;

    friend auto operator<=>(const TableName&, const TableName&) = default;
};

struct TargetTable {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char relkind = 'r';
    int server_version = 0;  // as libpq gives it
    std::vector<TargetColumn> columns;
    // Columns of the primary key, or else of the narrowest plain unique index over NOT NULL
    // columns; empty without. Not more than one row has the same values there.
    std::vector<std::string> key_columns;
    // A trigger or rule that fires even in a session with session_replication_role = replica.
    bool has_always_triggers = false;
    // The same for an ordinary session, also one of a table that changes of this one change by
    // foreign keys (CASCADE, SET NULL, SET DEFAULT), whatever lies between. Those that foreign keys
    // and deferrable constraints are made of are left out.
    bool has_ordinary_triggers = false;
    // Every unique index and exclusion constraint that new rows are held against, of partitions as
    // well; one that is attached to a listed index is not listed itself.
    std::vector<UniqueIndex> unique_indexes;
    // A foreign key of this table (or of a partition) points to some table.
    bool is_referencing = false;
    // A foreign key of some table points here (or to a partition).
    bool is_referenced = false;
    // One that does both.
    bool is_self_referencing = false;
    // Tables whose deletes delete rows here, where foreign keys fire: ON DELETE CASCADE.
    std::vector<std::uint32_t> cascades_from;
    // Tables whose updates, or deletes, change columns here: ON UPDATE or ON DELETE, of CASCADE,
    // SET NULL and SET DEFAULT.
    std::vector<std::uint32_t> changed_by_updates_of;
    std::vector<std::uint32_t> changed_by_deletes_of;

    const TargetColumn* find(const std::string& column) const;
    std::string sql_name() const;  // quoted schema.table
    // The same for a command that must leave inheritance children alone. A partitioned table has
    // no rows of its own, so there the partitions are meant.
    std::string sql_name_of_rows() const;
};

// Reads a table's description; nullopt when it does not exist or is not a table. search_path must
// be pg_catalog.
std::optional<TargetTable> read_target_table(Connection& target, const std::string& schema,
                                             const std::string& name);
// The same for many tables, with as many queries as for one. Those that do not exist are left out.
std::map<TableName, TargetTable> read_target_tables(Connection& target,
                                                    const std::vector<TableName>& names);

// How one attribute reaches its target column.
enum class Binding {
    binary,        // same representation: binary parameter of the column's type
    binary_array,  // the same, with the target's element type oid put in
    text,          // text parameter of the column's type
};

struct ColumnMapping {
    std::size_t attribute = 0;  // index into the relation's attributes
    const TargetColumn* column = nullptr;
    Binding binding = Binding::text;
    // The attribute as its values are sent: of the column's kind where a widening is nothing but a
    // longer binary form (int4 -> int8, float4 -> float8).
    Attribute sent_as;
    // See schema/column_fit.h: longer values may not end in a blank.
    std::int32_t cuts_blanks_beyond = 0;

    // Where source and target both generate a column, the target computes it itself; the value that
    // was sent serves to find a row, if it is part of a key.
    bool is_written() const { return !column->is_generated; }
};

struct RelationMapping {
    std::shared_ptr<const Relation> relation;
    std::shared_ptr<const TargetTable> table;
    std::vector<ColumnMapping> columns;  // in the order of the attributes

    // Conditions on the row that an UPDATE or DELETE finds: where they are not true it counts as
    // not found. Empty: any row will do.
    std::string update_guard;
    std::string delete_guard;

    // Everything that does not fit, one sentence each, without a full stop; empty when the mapping
    // can be used.
    std::vector<std::string> problems;
};

// Maps a relation onto a table: finds each attribute's column by name and decides its binding, or
// says why it cannot take the values (missing column, generated column, a type that cannot take
// them, a NOT NULL extra column without default).
RelationMapping map_relation(std::shared_ptr<const Relation> relation,
                             std::shared_ptr<const TargetTable> table);

}  // namespace walpack
