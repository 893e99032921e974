#include "schema/published_table.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/catalog_query.h"
#include "schema/type_catalog.h"

namespace walpack {
namespace {

constexpr int kVersionWithFilters = 150000;
constexpr int kVersionWithGeneratedColumns = 180000;

constexpr const char* kReadFilters = R"(
SELECT DISTINCT p.pubname, n.nspname, c.relname,
    CASE WHEN r.prqual IS NOT NULL THEN 'a row filter' ELSE 'a column list' END
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = ANY ($1::pg_catalog.name[]) AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)
ORDER BY 1, 2, 3)";

constexpr const char* kReadTables = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,
    pg_catalog.bool_or(p.pubupdate OR p.pubdelete)
FROM pg_catalog.pg_publication_tables t
JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relname = t.tablename AND c.relnamespace = n.oid
WHERE t.pubname = ANY ($1::pg_catalog.name[])
GROUP BY 1, 2, 3, 4, 5
ORDER BY n.nspname, c.relname)";

// The last column: part of the replica identity. Under FULL every column is.
constexpr const char* kReadAttributes = R"(
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attidentity, a.attnotnull,
    a.attgenerated <> '',
    c.relreplident = 'f'
        OR COALESCE(a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]), false)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indimmediate AND i.indisvalid
    AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)";

[[noreturn]] void throw_unsupported(const std::string& message) {
    throw Error(ErrorKind::config, message)
        .detail("The initial copy of this version copies whole tables only.")
        .hint("Name a publication that does without.");
}

void check_publications(Connection& source, const std::vector<std::string>& names) {
    const Result found = source.execute(
        "SELECT pubname, pubviaroot FROM pg_catalog.pg_publication "
        "WHERE pubname = ANY ($1::pg_catalog.name[]) ORDER BY 1",
        {array_literal(names)});
    std::set<std::string> missing(names.begin(), names.end());
    for (int row = 0; row < found.rows(); ++row) {
        const std::string name(found.value(row, 0));
        missing.erase(name);
        if (!bool_at(found, row, 1)) continue;
        throw_unsupported(fmt::format(
            "publication \"{}\" uses publish_via_partition_root, which is not supported", name));
    }
    if (missing.empty()) return;
    std::string list;
    for (const std::string& name : missing) {
        list += (list.empty() ? "" : ", ") + quote_identifier(name);
    }
    throw Error(ErrorKind::config, fmt::format("publication {} does not exist at the source", list))
        .hint("Create it at the source, or run \"walpack init\", which creates the default one.");
}

void check_filters(Connection& source, const std::vector<std::string>& names) {
    if (source.server_version() < kVersionWithFilters) return;
    const Result found = source.execute(kReadFilters, {array_literal(names)});
    if (found.rows() == 0) return;
    throw_unsupported(
        fmt::format("publication \"{}\" has {} for table \"{}.{}\", which is not supported",
                    found.value(0, 0), found.value(0, 3), found.value(0, 1), found.value(0, 2)));
}

void check_generated_columns(Connection& source, const std::vector<std::string>& names) {
    if (source.server_version() < kVersionWithGeneratedColumns) return;
    const auto name = source.query_value(
        "SELECT pubname FROM pg_catalog.pg_publication "
        "WHERE pubname = ANY ($1::pg_catalog.name[]) AND pubgencols = 's' LIMIT 1",
        {array_literal(names)});
    if (!name) return;
    throw_unsupported(fmt::format(
        "publication \"{}\" publishes generated columns, which is not supported", *name));
}

struct CatalogAttribute {
    Attribute attribute;
    std::uint32_t type_oid = 0;
};
using AttributesByTable = std::map<std::uint32_t, std::vector<CatalogAttribute>>;

AttributesByTable read_attributes(Connection& source, const std::vector<std::uint32_t>& tables) {
    const Result result = source.execute(kReadAttributes, {array_literal(tables)});
    AttributesByTable attributes;
    for (int row = 0; row < result.rows(); ++row) {
        CatalogAttribute read;
        read.attribute.name = result.value(row, 1);
        read.type_oid = oid_at(result, row, 2);
        read.attribute.typmod = int_at(result, row, 3);
        read.attribute.is_identity_always = result.value(row, 4) == "a";
        read.attribute.is_identity_default = result.value(row, 4) == "d";
        read.attribute.is_not_null = bool_at(result, row, 5);
        read.attribute.is_generated = bool_at(result, row, 6);
        read.attribute.is_key = bool_at(result, row, 7);
        attributes[oid_at(result, row, 0)].push_back(std::move(read));
    }
    return attributes;
}

TypeCatalog read_types(Connection& source, const AttributesByTable& attributes) {
    std::set<std::uint32_t> oids;
    for (const auto& [table, of_table] : attributes) {
        for (const CatalogAttribute& read : of_table) oids.insert(read.type_oid);
    }
    return TypeCatalog::read(source, {oids.begin(), oids.end()});
}

void describe_type(Attribute& attribute, const TypeShape& shape) {
    attribute.kind = shape.kind;
    attribute.type = shape.declared;
    if (shape.base.oid != shape.declared.oid) attribute.base = shape.base;
    attribute.element = shape.element;
    attribute.element_kind = shape.element_kind;
}

void add_attributes(Relation& relation, const std::vector<CatalogAttribute>& read,
                    const TypeCatalog& types) {
    // A key with a generated column cannot be sent whole, and part of a key identifies nothing.
    const bool has_whole_key = std::none_of(read.begin(), read.end(), [](const auto& candidate) {
        return candidate.attribute.is_key && candidate.attribute.is_generated;
    });
    const bool is_full = relation.replica_identity == ReplicaIdentity::full;
    for (const CatalogAttribute& candidate : read) {
        if (candidate.attribute.is_generated) continue;
        Attribute attribute = candidate.attribute;
        describe_type(attribute, types.shape_of(candidate.type_oid));
        attribute.is_key = attribute.is_key && (is_full || has_whole_key);
        if (attribute.is_key) relation.key_attributes.push_back(relation.attributes.size());
        relation.attributes.push_back(std::move(attribute));
    }
}

bool lacks_identity(const PublishedTable& table) {
    const Relation& relation = *table.relation;
    return table.replicates_updates && relation.replica_identity != ReplicaIdentity::full &&
           relation.key_attributes.empty();
}

}  // namespace

std::string match_client_encoding(Connection& source, Connection& target) {
    std::string encoding = source.parameter_status("server_encoding");
    for (Connection* connection : {&source, &target}) {
        connection->execute("SET client_encoding = " + quote_literal(encoding));
    }
    return encoding;
}

std::vector<PublishedTable> read_published_tables(Connection& source,
                                                  const std::vector<std::string>& publications) {
    pin_search_path(source);
    check_publications(source, publications);
    check_filters(source, publications);
    check_generated_columns(source, publications);
    const Result result = source.execute(kReadTables, {array_literal(publications)});
    std::vector<std::uint32_t> oids;
    oids.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); ++row) oids.push_back(oid_at(result, row, 0));
    const AttributesByTable attributes = read_attributes(source, oids);
    const TypeCatalog types = read_types(source, attributes);

    std::vector<PublishedTable> tables;
    for (int row = 0; row < result.rows(); ++row) {
        auto relation = std::make_shared<Relation>();
        relation->oid = oids[static_cast<std::size_t>(row)];
        relation->schema = result.value(row, 1);
        relation->name = result.value(row, 2);
        relation->relkind = result.value(row, 3).front();
        relation->replica_identity = static_cast<ReplicaIdentity>(result.value(row, 4).front());
        const auto found = attributes.find(relation->oid);
        if (found != attributes.end()) add_attributes(*relation, found->second, types);
        tables.push_back({std::move(relation), bool_at(result, row, 5)});
    }
    return tables;
}

void warn_of_missing_identity(const std::vector<PublishedTable>& tables) {
    std::string list;
    for (const PublishedTable& table : tables) {
        if (!lacks_identity(table)) continue;
        list += (list.empty() ? "" : ", ") + table.relation->qualified_name();
    }
    if (list.empty()) return;
    log::warning(
        "without a replica identity the source refuses to update or delete rows of: {}; "
        "ALTER TABLE ... REPLICA IDENTITY FULL there allows it",
        list);
}

std::vector<RelationMapping> map_all(Connection& target,
                                     const std::vector<PublishedTable>& tables) {
    pin_search_path(target);
    std::vector<RelationMapping> mappings;
    std::string problems;
    std::size_t problem_count = 0;
    const auto add_problem = [&](const Relation& relation, const std::string& problem) {
        problems += fmt::format("{}{}: {}", problems.empty() ? "" : "\n", relation.qualified_name(),
                                problem);
        ++problem_count;
    };
    std::vector<TableName> names;
    names.reserve(tables.size());
    for (const PublishedTable& published : tables) {
        names.push_back({published.relation->schema, published.relation->name});
    }
    std::map<TableName, TargetTable> found = read_target_tables(target, names);
    for (const PublishedTable& published : tables) {
        const Relation& relation = *published.relation;
        const auto table = found.find({relation.schema, relation.name});
        if (table == found.end()) {
            add_problem(relation, "the table does not exist on the target");
            continue;
        }
        mappings.push_back(map_relation(
            published.relation, std::make_shared<const TargetTable>(std::move(table->second))));
        for (const std::string& problem : mappings.back().problems) add_problem(relation, problem);
    }
    if (problem_count == 0) return mappings;
    throw Error(ErrorKind::schema,
                fmt::format("the target cannot take the published tables: {} {}", problem_count,
                            problem_count == 1 ? "problem" : "problems"))
        .detail(problems)
        .hint("Create or alter the tables on the target, or leave them out of the publication.");
}

}  // namespace walpack
