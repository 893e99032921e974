#include "structure/structure_comparison.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "schema/catalog_query.h"
#include "schema/target_table.h"
#include "structure/client_programs.h"
#include "structure/selection.h"
#include "structure/table_definitions.h"

namespace walpack {
namespace {

constexpr int kVersionWithMaintain = 170000;

constexpr std::array<std::string_view, 14> kOfTables = {
    "TABLE", "TABLE ATTACH",     "INDEX",   "INDEX ATTACH", "CONSTRAINT", "FK CONSTRAINT",
    "RULE",  "CHECK CONSTRAINT", "TRIGGER", "POLICY",       "STATISTICS", "ROW SECURITY",
    "VIEW",  "DEFAULT"};

bool is_of_table(const ArchiveEntry& entry) {
    return std::ranges::find(kOfTables, entry.kind) != kOfTables.end();
}

// Comments on tables, their columns and indexes are compared with the tables.
bool is_comment_of_table(const ArchiveEntry& entry) {
    return entry.name.starts_with("TABLE ") || entry.name.starts_with("COLUMN ") ||
           entry.name.starts_with("INDEX ");
}

std::string on_one_line(const std::string& text) {
    std::string line = text;
    std::ranges::replace(line, '\n', ' ');
    std::ranges::replace(line, '\t', ' ');
    return line;
}

std::string sides(const std::string& what, const std::string& source, const std::string& target) {
    return fmt::format("{}: source {} | target {}", what,
                       source.empty() ? "missing" : on_one_line(source),
                       target.empty() ? "missing" : on_one_line(target));
}

// The role that a GRANT, a REVOKE or ALTER .. OWNER is about stands last, or before WITH.
std::string role_of(std::string_view statement) {
    std::string_view rest = statement.substr(0, statement.rfind(';'));
    constexpr std::string_view kOption = " WITH GRANT OPTION";
    if (rest.ends_with(kOption)) rest.remove_suffix(kOption.size());
    // A name in quotes can hold blanks.
    const std::size_t at =
        rest.ends_with('"') ? rest.find_last_of(' ', rest.rfind(" \"")) : rest.rfind(' ');
    return std::string(at == std::string_view::npos ? rest : rest.substr(at + 1));
}

class Comparing {
  public:
    explicit Comparing(const std::set<std::string>& roles) : roles_(roles) {}

    void compare(const std::string& what, const ObjectDefinition* source,
                 const ObjectDefinition* target) {
        const std::vector<std::string> none;
        const auto& at_source = source == nullptr ? none : source->statements;
        const auto& at_target = target == nullptr ? none : target->statements;
        if (what.starts_with("ACL ")) {
            compare_rights(what, at_source, at_target);
        } else if (!std::ranges::equal(at_source, at_target, {}, cast_elements, cast_elements)) {
            lines_.push_back(sides(what, at_source.empty() ? "" : at_source.front(),
                                   at_target.empty() ? "" : at_target.front()));
        }
        const bool has_both = source != nullptr && target != nullptr;
        if (has_both && source->owner != target->owner && has_role(source->owner))
            lines_.push_back(sides("owner of " + what, source->owner, target->owner));
    }

    std::vector<std::string> lines() && { return std::move(lines_); }

  private:
    void compare_rights(const std::string& what, const std::vector<std::string>& source,
                        const std::vector<std::string>& target) {
        for (const std::string& statement : source) {
            if (std::ranges::find(target, statement) == target.end() && has_role(statement))
                lines_.push_back(sides(what, statement, ""));
        }
        for (const std::string& statement : target) {
            if (std::ranges::find(source, statement) == source.end())
                lines_.push_back(sides(what, "", statement));
        }
    }

    bool has_role(const std::string& statement) const {
        const std::string role = role_of(statement);
        return role == "PUBLIC" || roles_.contains(role);
    }

    const std::set<std::string>& roles_;
    std::vector<std::string> lines_;
};

std::set<std::string> read_roles(Connection& target) {
    std::set<std::string> roles;
    const Result result =
        target.execute("SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles");
    for (int row = 0; row < result.rows(); ++row) roles.insert(text_at(result, row, 0));
    return roles;
}

std::vector<std::uint32_t> all_of(const StructureSelection& selection) {
    std::vector<std::uint32_t> entries = selection.before;
    entries.insert(entries.end(), selection.after.begin(), selection.after.end());
    return entries;
}

void write_all_rights(StructureDefinitions& definitions) {
    for (auto& [what, definition] : definitions) {
        if (!what.starts_with("ACL ")) continue;
        for (std::string& statement : definition.statements) statement = with_all_rights(statement);
    }
}

// Those of the published tables that the dump has: others are missing, which is told elsewhere, or
// cannot be read.
std::set<std::uint32_t> target_tables(Connection& target, const StructureDump& dump,
                                      const std::vector<PublishedTable>& published) {
    std::vector<TableName> names;
    names.reserve(published.size());
    for (const PublishedTable& table : published) names.push_back(table.name());
    std::set<std::uint32_t> present;
    for (const auto& [name, table] : read_target_tables(target, names)) present.insert(table.oid);
    std::set<std::uint32_t> dumped;
    for (const ArchiveEntry& entry : dump.archive()) {
        if (entry.kind == "TABLE" && present.contains(entry.object_oid))
            dumped.insert(entry.object_oid);
    }
    return dumped;
}

}  // namespace

StructureDefinitions structure_definitions(const ArchiveTexts& texts, bool with_comments) {
    StructureDefinitions definitions;
    for (const auto& [id, text] : texts.statements) {
        const ArchiveEntry& entry = texts.entries.at(id);
        if (entry.kind == "COMMENT" && (!with_comments || is_comment_of_table(entry))) continue;
        ObjectDefinition& definition = definitions[entry.description()];
        if (const auto owner = texts.owners.find(id); owner != texts.owners.end())
            definition.owner = owner->second;
        if (is_of_table(entry)) continue;
        entry.kind == "ACL" ? void(definition.statements = split_statements(text))
                            : definition.statements.push_back(text);
    }
    return definitions;
}

std::vector<std::string> compare_structures(const StructureDefinitions& source,
                                            const StructureDefinitions& target,
                                            const std::set<std::string>& roles) {
    Comparing comparing(roles);
    StructureDefinitions all = source;
    all.insert(target.begin(), target.end());
    for (const auto& [what, definition] : all) {
        const auto at_source = source.find(what);
        const auto at_target = target.find(what);
        comparing.compare(what, at_source == source.end() ? nullptr : &at_source->second,
                          at_target == target.end() ? nullptr : &at_target->second);
    }
    return std::move(comparing).lines();
}

std::string with_all_rights(const std::string& statement) {
    static const std::set<std::string_view> kOlderRights = {
        "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"};
    constexpr std::string_view kGrant = "GRANT ";
    const std::size_t end = statement.find(" ON TABLE ");
    if (!statement.starts_with(kGrant) || end == std::string::npos) return statement;
    std::set<std::string_view> rights;
    std::string_view list = std::string_view(statement).substr(0, end);
    list.remove_prefix(kGrant.size());
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        rights.insert(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return rights == kOlderRights ? "GRANT ALL" + statement.substr(end) : statement;
}

StructureComparison compare_ends(const ComparedEnd& source, const ComparedEnd& target,
                                 const std::vector<PublishedTable>& published, bool with_comments,
                                 const StopRequest& stop) {
    const ClientPrograms programs = find_client_programs(
        std::max(source.connection.server_version(), target.connection.server_version()), stop);
    const StructureDump dump(programs, source.conninfo, source.connection, stop);
    std::set<std::uint32_t> oids;
    for (const PublishedTable& table : published) oids.insert(table.relation->oid);
    const ArchiveTexts texts = dump.render(
        all_of(select_structure(dump.archive(), dump.facts(), {oids, oids, {}, dump.is_whole()})));
    StructureDefinitions wanted = structure_definitions(texts, with_comments);

    // What the target has under the same names, and what its tables need beside that.
    const StructureDump there(programs, target.conninfo, target.connection, stop);
    const std::set<std::uint32_t> tables = target_tables(target.connection, there, published);
    std::vector<std::uint32_t> entries =
        all_of(select_structure(there.archive(), there.facts(), {tables, tables, {}, false}));
    for (const ArchiveEntry& entry : there.archive()) {
        const bool is_listed = std::ranges::find(entries, entry.id) != entries.end();
        if (!is_listed && wanted.contains(entry.description())) entries.push_back(entry.id);
    }
    StructureDefinitions found = structure_definitions(there.render(entries), with_comments);
    const bool source_has = source.connection.server_version() >= kVersionWithMaintain;
    const bool target_has = target.connection.server_version() >= kVersionWithMaintain;
    if (source_has != target_has) {
        write_all_rights(wanted);
        write_all_rights(found);
    }
    std::size_t objects = 0;
    for (const auto& [what, definition] : wanted) objects += definition.statements.empty() ? 0 : 1;
    return {objects, compare_structures(wanted, found, read_roles(target.connection))};
}

}  // namespace walpack
