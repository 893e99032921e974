#include "structure/structure_creation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "structure/structure_session.h"

namespace walpack {
namespace {

class Creation {
  public:
    Creation(const ArchiveTexts& archive, const SourceFacts& facts, Connection& target)
        : archive_(archive), facts_(facts), target_(target) {
        const Result result = target.execute(
            "SELECT name, EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = a.name) "
            "FROM pg_catalog.pg_available_extensions a");
        for (int row = 0; row < result.rows(); ++row) {
            extensions_[std::string(result.value(row, 0))] = result.value(row, 1) == "t";
        }
        to_ourselves_ =
            " OWNER TO " +
            target.query_value("SELECT pg_catalog.quote_ident(current_user)").value_or("") + ';';
    }

    CreatedStructure run(const std::vector<std::uint32_t>& before) {
        for (const std::uint32_t id : before) {
            const ArchiveEntry& entry = archive_.entries.at(id);
            const auto text = archive_.statements.find(id);
            if (text == archive_.statements.end() || !is_due(entry)) continue;
            if (entry.kind == "ACL") {
                give_rights(entry, text->second);
            } else if (create(entry, text->second)) {
                created_.insert(id);
                ++result_.objects;
                if (entry.kind == "TABLE") result_.tables.insert(entry.object_oid);
                give_owner(entry);
            }
        }
        return std::move(result_);
    }

  private:
    // What belongs to something that was there before, or was refused, is left alone.
    bool is_due(const ArchiveEntry& entry) const {
        if (entry.kind == "TABLE") return !exists(entry);
        if (entry.kind == "SEQUENCE OWNED BY" && is_owned_by_another(entry)) return false;
        const std::uint32_t table = table_of(entry, archive_.entries, facts_);
        if (table != 0) return result_.tables.contains(table);
        if (entry.kind != "COMMENT" && entry.kind != "ACL" && entry.kind != "CHECK CONSTRAINT") {
            return true;
        }
        return std::any_of(entry.depends_on.begin(), entry.depends_on.end(),
                           [this](std::uint32_t id) { return created_.contains(id); });
    }

    bool exists(const ArchiveEntry& entry) const {
        const SourceTable* table = facts_.find_table(entry.object_oid);
        return table != nullptr &&
               target_
                   .query_value(
                       "SELECT 1 FROM pg_catalog.pg_class c "
                       "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE n.nspname = $1 AND c.relname = $2",
                       {table->name.schema, table->name.table})
                   .has_value();
    }

    // A sequence that was there may be that of another table, which keeps it.
    bool is_owned_by_another(const ArchiveEntry& entry) const {
        return target_
            .query_value(
                "SELECT 1 FROM pg_catalog.pg_depend d "
                "JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
                "JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace "
                "WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
                "AND d.refclassid = d.classid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') "
                "AND n.nspname = $1 AND s.relname = $2",
                {entry.schema, entry.name})
            .has_value();
    }

    bool create(const ArchiveEntry& entry, const std::string& statement) {
        if (entry.kind == "EXTENSION") {
            const auto found = extensions_.find(entry.name);
            if (found == extensions_.end()) {
                refuse(entry, statement, "the target does not offer the extension");
                return false;
            }
            if (found->second) return false;
        }
        bool is_there = false;
        const auto message = attempt(statement, is_there);
        if (message) refuse(entry, statement, *message);
        // The identity of a column that was made just now: the name is another's.
        if (is_there && statement.starts_with("ALTER TABLE "))
            refuse(entry, statement, "the name of its sequence is taken on the target");
        return !message && !is_there;
    }

    // What the target refuses, or nullopt. The caller's transaction goes on in either case.
    std::optional<std::string> attempt(const std::string& statement, bool& is_there) {
        // By itself: of a string that the target cannot parse or convert nothing is executed.
        target_.execute("SAVEPOINT walpack_entry");
        try {
            target_.execute(statement + "\nRELEASE SAVEPOINT walpack_entry");
            return std::nullopt;
        } catch (const Error& error) {
            throw_unless_refused(error);
            target_.execute("ROLLBACK TO SAVEPOINT walpack_entry");
            target_.execute("RELEASE SAVEPOINT walpack_entry");
            is_there = says_exists(error);
            if (is_there) return std::nullopt;
            return server_message(error);
        }
    }

    static void throw_unless_refused(const Error& error) {
        if (is_refusal(error)) return;
        if (error.sqlstate() != kOutOfMemory) throw;
        throw Error(ErrorKind::config, "the target cannot hold the locks of so many new tables")
            .sqlstate(error.sqlstate())
            .detail(server_message(error) + ".")
            .hint(
                "Raise max_locks_per_transaction on the target, or create the tables with "
                "pg_dump and psql.");
    }

    // What is attempted in between leaves nothing behind, if it is of a table.
    void begin_rehearsal(std::uint32_t table) {
        if (table != 0) target_.execute("SAVEPOINT walpack_rehearsal");
    }
    void end_rehearsal(std::uint32_t table) {
        if (table == 0) return;
        target_.execute("ROLLBACK TO SAVEPOINT walpack_rehearsal");
        target_.execute("RELEASE SAVEPOINT walpack_rehearsal");
    }

    void give_owner(const ArchiveEntry& entry) {
        const auto text = archive_.owners.find(entry.id);
        if (text == archive_.owners.end() || text->second.ends_with(to_ourselves_)) return;
        const std::uint32_t table = table_of(entry, archive_.entries, facts_);
        // A table takes the sequences that its columns own along.
        if (table != 0 && entry.kind != "TABLE") return;
        const std::string owner = owner_in(text->second);
        if (is_of_strangers(owner)) {
            result_.refused.push_back(
                {.description = "owner of " + entry.description(),
                 .statement = text->second,
                 .reason = "the role of the target does not have the privileges of " + owner +
                           ", so it could not write any more",
                 .table = table});
            return;
        }
        begin_rehearsal(table);
        give(table, "owner of " + entry.description(), text->second);
        end_rehearsal(table);
    }

    // Of "ALTER ... OWNER TO name;".
    static std::string owner_in(const std::string& statement) {
        constexpr std::string_view kOwner = " OWNER TO ";
        const std::size_t at = statement.rfind(kOwner);
        if (at == std::string::npos) return "";
        const std::string rest = statement.substr(at + kOwner.size());
        return rest.substr(0, rest.rfind(';'));
    }

    // A role whose privileges we would not have, though we may give it what is ours.
    bool is_of_strangers(const std::string& owner) {
        const auto known = are_strangers_.find(owner);
        if (known != are_strangers_.end()) return known->second;
        const auto found = target_.query_value(
            "SELECT pg_catalog.pg_has_role(current_user, oid, 'USAGE') FROM pg_catalog.pg_roles "
            "WHERE $1 IN (pg_catalog.quote_ident(rolname), "
            "'\"' || pg_catalog.replace(rolname, '\"', '\"\"') || '\"')",
            {owner});
        return are_strangers_[owner] = found == "f";
    }

    void give_rights(const ArchiveEntry& entry, const std::string& text) {
        const std::uint32_t table = table_of(entry, archive_.entries, facts_);
        // One may need another. What a role that is not the owner has granted is granted in its
        // name, and is one text.
        std::string in_name_of;
        begin_rehearsal(table);
        for (const std::string& statement : split_statements(text)) {
            const bool is_begin = statement.starts_with("SET SESSION AUTHORIZATION ");
            if (!is_begin && in_name_of.empty()) {
                give(table, entry.description(), statement);
                continue;
            }
            in_name_of += (in_name_of.empty() ? "" : "\n") + statement;
            if (!statement.starts_with("RESET SESSION AUTHORIZATION")) continue;
            give(table, entry.description(), std::exchange(in_name_of, {}));
        }
        end_rehearsal(table);
    }

    void give(std::uint32_t table, const std::string& description, const std::string& statement) {
        bool is_there = false;
        const auto message = attempt(statement, is_there);
        if (message) {
            result_.refused.push_back({.description = description,
                                       .statement = statement,
                                       .reason = *message,
                                       .table = table});
            return;
        }
        const SourceTable* of = table == 0 ? nullptr : facts_.find_table(table);
        if (of == nullptr) return;
        PostDataItem item;
        item.kind = PostDataKind::other;
        item.table = of->name;
        item.description = description;
        item.statement = statement;
        result_.last.push_back(std::move(item));
    }

    void refuse(const ArchiveEntry& entry, const std::string& statement,
                const std::string& reason) {
        result_.refused.push_back({.description = entry.description(),
                                   .statement = statement,
                                   .reason = reason,
                                   .table = table_of(entry, archive_.entries, facts_)});
        if (entry.kind == "TABLE") ++result_.refused_tables;
    }

    const ArchiveTexts& archive_;
    const SourceFacts& facts_;
    Connection& target_;
    std::map<std::string, bool> extensions_;  // offered -> is there
    std::string to_ourselves_;                // the end of a statement that gives us what is ours
    std::map<std::string, bool> are_strangers_;
    std::set<std::uint32_t> created_;
    CreatedStructure result_;
};

}  // namespace

CreatedStructure create_structure(const std::vector<std::uint32_t>& before,
                                  const ArchiveTexts& archive, const SourceFacts& facts,
                                  Connection& target) {
    return Creation(archive, facts, target).run(before);
}

}  // namespace walpack
