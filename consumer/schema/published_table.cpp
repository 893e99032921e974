#include "schema/published_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/catalog_query.h"
#include "schema/publication_scope.h"
#include "schema/type_catalog.h"

namespace walpack {
namespace {

// The last but one: part of the replica identity. Under FULL every column is.
constexpr const char* kReadAttributes = R"(
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attidentity, a.attnotnull,
    a.attgenerated <> '', a.attnum,
    c.relreplident = 'f'
        OR COALESCE(a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]), false),
    a.attcollation
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indimmediate AND i.indisvalid
    AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)";

// The rows of the catalog as they are, whatever columns they have by version, of those publications
// that hold the table or an ancestor of it; without what says nothing of what is published. $2: the
// publications; {}: those of schemas, from version 15 on.
constexpr const char* kReadPublishing = R"(
WITH of_ours AS MATERIALIZED (
    SELECT p.* FROM pg_catalog.pg_publication p WHERE p.pubname = ANY ($2::pg_catalog.name[])),
asked AS (SELECT oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) t(oid)),
named AS (
    SELECT oid, oid AS relid FROM asked
    UNION
    SELECT c.oid, a.relid FROM asked
    JOIN pg_catalog.pg_class c ON c.oid = asked.oid AND c.relispartition
    CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) a),
held(oid, publication, part, text) AS (
    SELECT asked.oid, p.oid, 0::pg_catalog.oid, '' FROM asked, of_ours p WHERE p.puballtables
    UNION ALL
    SELECT named.oid, r.prpubid, r.oid, pg_catalog.to_jsonb(r)::pg_catalog.text
    FROM named JOIN pg_catalog.pg_publication_rel r ON r.prrelid = named.relid
    {})
SELECT asked.oid, pg_catalog.md5(COALESCE(pg_catalog.string_agg(
    pg_catalog.concat_ws(' ', pg_catalog.to_jsonb(p) - 'pubowner', h.text), ' '
    ORDER BY p.oid, h.part), ''))
FROM asked LEFT JOIN (held h JOIN of_ours p ON p.oid = h.publication) ON h.oid = asked.oid
GROUP BY asked.oid)";
constexpr int kVersionWithSchemas = 150000;
constexpr const char* kOfSchemas = R"(
    UNION ALL
    SELECT named.oid, n.pnpubid, n.oid, pg_catalog.to_jsonb(n)::pg_catalog.text
    FROM named JOIN pg_catalog.pg_class c ON c.oid = named.relid
    JOIN pg_catalog.pg_publication_namespace n ON n.pnnspid = c.relnamespace)";

std::map<std::uint32_t, std::string> read_all_publishing(
    Connection& source, const std::vector<std::uint32_t>& oids,
    const std::vector<std::string>& publications) {
    const bool has_schemas = source.server_version() >= kVersionWithSchemas;
    const Result result =
        source.execute(fmt::format(fmt::runtime(kReadPublishing), has_schemas ? kOfSchemas : ""),
                       {array_literal(oids), array_literal(publications)});
    std::map<std::uint32_t, std::string> publishing;
    for (int row = 0; row < result.rows(); ++row)
        publishing[oid_at(result, row, 0)] = result.value(row, 1);
    return publishing;
}

struct CatalogAttribute {
    Attribute attribute;
    std::uint32_t number = 0;
    std::uint32_t type_oid = 0;
    std::uint32_t collation_oid = 0;
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
        read.number = oid_at(result, row, 7);
        read.attribute.is_key = bool_at(result, row, 8);
        read.collation_oid = oid_at(result, row, 9);
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

std::string shape_of(const std::vector<CatalogAttribute>& attributes) {
    std::string shape;
    for (const CatalogAttribute& read : attributes) {
        shape +=
            fmt::format("{}{} {} {} {} {}{}", shape.empty() ? "" : ", ", read.number,
                        quote_identifier(read.attribute.name), read.type_oid, read.attribute.typmod,
                        read.collation_oid, read.attribute.is_key ? " key" : "");
    }
    return shape;
}

bool is_published(const PublishedRelation& published, const CatalogAttribute& attribute) {
    return std::ranges::binary_search(published.columns, attribute.number);
}

// Returns their numbers.
std::vector<std::uint32_t> add_attributes(Relation& relation, const PublishedRelation& published,
                                          const std::vector<CatalogAttribute>& read,
                                          const TypeCatalog& types) {
    std::vector<std::uint32_t> numbers;
    // Of a key that is not published whole nothing is sent: part of a key identifies nothing.
    const bool has_whole_key = std::ranges::none_of(read, [&](const CatalogAttribute& candidate) {
        return candidate.attribute.is_key && !is_published(published, candidate);
    });
    const bool is_full = relation.replica_identity == ReplicaIdentity::full;
    for (const CatalogAttribute& candidate : read) {
        if (!is_published(published, candidate)) continue;
        Attribute attribute = candidate.attribute;
        describe_type(attribute, types.shape_of(candidate.type_oid));
        attribute.typmod = types.effective_typmod(candidate.type_oid, attribute.typmod);
        attribute.is_key = attribute.is_key && (is_full || has_whole_key);
        if (attribute.is_key) relation.key_attributes.push_back(relation.attributes.size());
        relation.attributes.push_back(std::move(attribute));
        numbers.push_back(candidate.number);
    }
    return numbers;
}

bool lacks_identity(const PublishedTable& table) {
    const Relation& relation = *table.relation;
    return table.replicates_updates && relation.replica_identity != ReplicaIdentity::full &&
           relation.key_attributes.empty();
}

void select(std::vector<PublishedRelation>& published, const TableSelection& selection) {
    std::set<TableName> missing = selection.only;
    for (const PublishedRelation& each : published) missing.erase({each.schema, each.name});
    if (!missing.empty()) {
        throw Error(ErrorKind::config,
                    fmt::format("table \"{}.{}\" is selected for a target, and no publication "
                                "holds it",
                                missing.begin()->schema, missing.begin()->table))
            .hint("Add it to a publication, or take it out of the target's \"tables\".");
    }
    std::erase_if(published, [&selection](const PublishedRelation& each) {
        return !selection.holds({each.schema, each.name});
    });
}

std::vector<PublishedRelation> read_selected(Connection& source, const TableSelection& selection) {
    std::vector<PublishedRelation> published =
        combine(read_publication_entries(source, selection.publications));
    select(published, selection);
    return published;
}

// Tables may be altered between two looks at the catalog: what is published must be the same before
// and after the columns are read. No snapshot helps, as the server tells what is published by its
// caches.
std::pair<std::vector<PublishedRelation>, AttributesByTable> read_published_columns(
    Connection& source, const TableSelection& selection) {
    std::vector<PublishedRelation> published = read_selected(source, selection);
    while (true) {
        std::vector<std::uint32_t> oids;
        oids.reserve(published.size());
        for (const PublishedRelation& each : published) oids.push_back(each.oid);
        AttributesByTable attributes = read_attributes(source, oids);
        std::vector<PublishedRelation> after = read_selected(source, selection);
        if (after == published) return {std::move(published), std::move(attributes)};
        published = std::move(after);
    }
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
                                                  const TableSelection& selection) {
    pin_search_path(source);
    const auto [published, attributes] = read_published_columns(source, selection);
    const TypeCatalog types = read_types(source, attributes);

    std::vector<std::uint32_t> oids;
    for (const PublishedRelation& each : published) oids.push_back(each.oid);
    auto publishing = read_all_publishing(source, oids, selection.publications);

    std::vector<PublishedTable> tables;
    for (const PublishedRelation& each : published) {
        auto relation = std::make_shared<Relation>();
        relation->oid = each.oid;
        relation->schema = each.schema;
        relation->name = each.name;
        relation->relkind = each.relkind;
        relation->replica_identity = static_cast<ReplicaIdentity>(each.replica_identity);
        const auto found = attributes.find(each.oid);
        std::string shape;
        std::vector<std::uint32_t> numbers;
        if (found != attributes.end()) {
            numbers = add_attributes(*relation, each, found->second, types);
            shape = shape_of(found->second);
        }
        tables.push_back({.relation = std::move(relation),
                          .replicates_updates = each.publishes_updates,
                          .row_filter = each.row_filter,
                          .attribute_numbers = std::move(numbers),
                          .shape = std::move(shape),
                          .publishing = std::move(publishing[each.oid]),
                          .is_via_root = each.relkind == 'p',
                          .server_version = source.server_version()});
    }
    return tables;
}

std::string read_shape(Connection& source, std::uint32_t table_oid) {
    const AttributesByTable attributes = read_attributes(source, {table_oid});
    const auto found = attributes.find(table_oid);
    return found == attributes.end() ? "" : shape_of(found->second);
}

std::string read_publishing(Connection& source, std::uint32_t table_oid,
                            const std::vector<std::string>& publications) {
    return std::move(read_all_publishing(source, {table_oid}, publications)[table_oid]);
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
