#include "structure/table_definitions.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr const char* kReadFamily = R"(
WITH RECURSIVE family(oid) AS (
    SELECT u.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) u(oid)
    UNION
    SELECT i.inhparent FROM family f JOIN pg_catalog.pg_inherits i ON i.inhrelid = f.oid
)
SELECT n.nspname, c.relname
FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2)";

// Constraints and triggers that the server made for partitions follow from those of their parents,
// and from version 17 on the identity of columns.
constexpr const char* kReadDefinitions = R"(
WITH t AS (
    SELECT c.*, n.nspname
    FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]),
                    pg_catalog.unnest($2::pg_catalog.name[])) u(nspname, relname)
    JOIN pg_catalog.pg_namespace n ON n.nspname = u.nspname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = u.relname
), a AS (
    SELECT t.nspname, t.relname, t.oid, t.relispartition, a.attname, a.atttypid, a.atttypmod,
        a.attnotnull,
        a.attidentity, a.attgenerated, a.attstorage, a.attcollation, a.attnum
    FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped
)
SELECT nspname, relname, 'table', '', CASE relkind WHEN 'r' THEN 'ordinary' WHEN 'p'
    THEN 'partitioned by ' || pg_catalog.pg_get_partkeydef(oid)
    ELSE 'relkind ' || relkind::pg_catalog.text END
    || CASE relpersistence WHEN 'p' THEN ''
       ELSE ', persistence ' || relpersistence::pg_catalog.text END FROM t
UNION ALL
SELECT nspname, relname, 'replica identity', '', CASE relreplident WHEN 'd' THEN 'default'
    WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' ELSE COALESCE('index ' || (
        SELECT i.indexrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_index i
        WHERE i.indrelid = t.oid AND i.indisreplident), 'index') END FROM t
UNION ALL
SELECT nspname, relname, 'row security', '',
    CASE WHEN NOT relrowsecurity THEN 'disabled, forced on owners once it is enabled'
        WHEN relforcerowsecurity THEN 'enabled and forced on owners' ELSE 'enabled' END
FROM t WHERE relrowsecurity OR relforcerowsecurity
UNION ALL
SELECT nspname, relname, 'parent', i.inhparent::pg_catalog.regclass::pg_catalog.text,
    COALESCE(pg_catalog.pg_get_expr(relpartbound, oid), 'inherited')
FROM t JOIN pg_catalog.pg_inherits i ON i.inhrelid = oid
UNION ALL
SELECT nspname, relname, 'column', attname, pg_catalog.format_type(atttypid, atttypmod)
    || COALESCE((SELECT ' COLLATE ' || attcollation::pg_catalog.regcollation::pg_catalog.text
                 FROM pg_catalog.pg_type y WHERE y.oid = atttypid
                 AND y.typcollation <> attcollation AND attcollation <> 0), '') FROM a
UNION ALL
SELECT nspname, relname, 'not null', attname, 'NOT NULL' FROM a WHERE attnotnull
UNION ALL
SELECT nspname, relname, 'identity', attname,
    CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END FROM a WHERE attidentity <> ''
    AND NOT (relispartition AND
             pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 170000)
UNION ALL
SELECT nspname, relname, CASE attgenerated WHEN '' THEN 'default' ELSE 'generated' END, attname,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        || CASE attgenerated WHEN '' THEN '' WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END
FROM a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.oid AND d.adnum = attnum
UNION ALL
SELECT nspname, relname, 'storage', attname, CASE attstorage WHEN 'p' THEN 'PLAIN'
    WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END
FROM a JOIN pg_catalog.pg_type y ON y.oid = atttypid WHERE y.typstorage <> attstorage
UNION ALL
SELECT nspname, relname, CASE contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
        WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion'
        ELSE 'constraint' END, conname, pg_catalog.pg_get_constraintdef(k.oid)
FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid
WHERE contype <> 'n' AND (contype <> 'f' OR conparentid = 0)
UNION ALL
SELECT nspname, t.relname, 'index', x.relname, pg_catalog.pg_get_indexdef(i.indexrelid)
    || CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END
FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
UNION ALL
SELECT nspname, relname, 'trigger', tgname, pg_catalog.pg_get_triggerdef(g.oid)
    || CASE tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' (disabled)'
       ELSE ' (' || tgenabled::pg_catalog.text || ')' END
FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL
SELECT nspname, relname, 'rule', rulename, pg_catalog.pg_get_ruledef(r.oid)
FROM t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid
UNION ALL
SELECT nspname, relname, 'policy', polname, pg_catalog.concat_ws(' ', polcmd,
    CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
    'TO ' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(COALESCE(rolname, 'public')),
                  ', ' ORDER BY rolname)
              FROM pg_catalog.unnest(polroles) r(role)
              LEFT JOIN pg_catalog.pg_roles g ON g.oid = r.role),
    'USING ' || pg_catalog.pg_get_expr(polqual, polrelid),
    'WITH CHECK ' || pg_catalog.pg_get_expr(polwithcheck, polrelid))
FROM t JOIN pg_catalog.pg_policy o ON o.polrelid = t.oid
UNION ALL
SELECT t.nspname, relname, 'statistics', stxname, pg_catalog.pg_get_statisticsobjdef(s.oid)
FROM t JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.oid
UNION ALL
SELECT nspname, relname, CASE WHEN d.objsubid = 0 THEN 'comment' ELSE 'comment on column' END,
    COALESCE(attname, ''), pg_catalog.quote_literal(description)
FROM t JOIN pg_catalog.pg_description d ON d.objoid = t.oid
    AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
LEFT JOIN pg_catalog.pg_attribute c ON c.attrelid = t.oid AND c.attnum = d.objsubid
    AND d.objsubid > 0
WHERE $3::pg_catalog.bool
UNION ALL
SELECT nspname, t.relname, 'comment on index', x.relname, pg_catalog.quote_literal(description)
FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_description d ON d.objoid = x.oid
    AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE $3::pg_catalog.bool)";

std::string on_one_line(std::string text) {
    for (char& c : text) {
        if (c == '\n') c = ' ';
    }
    return text;
}

std::set<TableName> tables_in(const TableDefinitions& definitions) {
    std::set<TableName> tables;
    for (const auto& [object, definition] : definitions) tables.insert(object.table);
    return tables;
}

std::string describe_side(const TableDefinitions& side, const DefinedObject& object) {
    const auto found = side.find(object);
    return found == side.end() ? "missing" : on_one_line(found->second);
}

}  // namespace

std::string cast_elements(const std::string& text) {
    constexpr std::string_view kBegin = "(ARRAY[";
    constexpr std::string_view kEnd = "])::";
    std::string result;
    std::size_t from = 0;
    for (std::size_t at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at)) {
        std::vector<std::string> elements(1);
        std::size_t end = at + kBegin.size();
        int depth = 0;
        bool is_quoted = false;
        for (; end < text.size(); ++end) {
            const char c = text[end];
            if (c == '\'') is_quoted = !is_quoted;
            if (!is_quoted && depth == 0 && c == ']') break;
            if (!is_quoted && (c == '(' || c == '[')) ++depth;
            if (!is_quoted && (c == ')' || c == ']')) --depth;
            const bool is_between = !is_quoted && depth == 0 && c == ',';
            is_between ? void(elements.emplace_back()) : elements.back().push_back(c);
        }
        const std::size_t type_end = text.find("[]", end);
        at += kBegin.size();
        if (text.compare(end, kEnd.size(), kEnd) != 0 || type_end == std::string::npos) continue;
        const std::size_t type_at = end + kEnd.size();
        const std::string type = text.substr(type_at, type_end - type_at);
        if (type.find_first_of("()[],'") != std::string::npos) continue;
        result += text.substr(from, at - kBegin.size() - from) + "ARRAY[";
        for (std::size_t i = 0; i < elements.size(); ++i) {
            const std::size_t blanks = elements[i].find_first_not_of(' ');
            const std::string element = elements[i].substr(std::min(blanks, elements[i].size()));
            result += (i == 0 ? "(" : ", (") + element + ")::" + type;
        }
        result += ']';
        from = at = type_end + 2;
    }
    return result + text.substr(from);
}

std::vector<TableName> read_compared_tables(Connection& source,
                                            const std::vector<PublishedTable>& published) {
    std::vector<std::uint32_t> oids;
    oids.reserve(published.size());
    for (const PublishedTable& table : published) oids.push_back(table.relation->oid);
    std::vector<TableName> tables;
    const Result result = source.execute(kReadFamily, {array_literal(oids)});
    for (int row = 0; row < result.rows(); ++row) {
        tables.push_back({text_at(result, row, 0), text_at(result, row, 1)});
    }
    return tables;
}

TableDefinitions read_table_definitions(Connection& connection,
                                        const std::vector<TableName>& tables, bool with_comments) {
    pin_search_path(connection);
    connection.execute(
        "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; "
        "SET extra_float_digits = 1; SET bytea_output = 'hex'");
    std::vector<std::string> schemas;
    std::vector<std::string> names;
    for (const TableName& table : tables) {
        schemas.push_back(table.schema);
        names.push_back(table.table);
    }
    const Result result = connection.execute(
        kReadDefinitions,
        {array_literal(schemas), array_literal(names), std::string(with_comments ? "t" : "f")});
    TableDefinitions definitions;
    for (int row = 0; row < result.rows(); ++row) {
        definitions[{{text_at(result, row, 0), text_at(result, row, 1)},
                     text_at(result, row, 2),
                     text_at(result, row, 3)}] = cast_elements(text_at(result, row, 4));
    }
    return definitions;
}

std::vector<std::string> compare_definitions(const TableDefinitions& source,
                                             const TableDefinitions& target) {
    const std::set<TableName> source_tables = tables_in(source);
    const std::set<TableName> target_tables = tables_in(target);
    TableDefinitions all = source;
    all.insert(target.begin(), target.end());
    std::vector<std::string> lines;
    for (const auto& [object, definition] : all) {
        const bool has_both =
            source_tables.contains(object.table) && target_tables.contains(object.table);
        if (!has_both && object.kind != "table") continue;
        const std::string at_source = describe_side(source, object);
        const std::string at_target = describe_side(target, object);
        if (at_source == at_target) continue;
        const std::string what =
            object.name.empty() ? object.kind : object.kind + ' ' + object.name;
        lines.push_back(fmt::format("{}.{}: {}: source {} | target {}", object.table.schema,
                                    object.table.table, what, at_source, at_target));
    }
    return lines;
}

}  // namespace walpack
