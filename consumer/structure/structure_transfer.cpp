#include "structure/structure_transfer.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "schema/catalog_query.h"
#include "schema/target_table.h"
#include "structure/client_programs.h"
#include "structure/post_data.h"
#include "structure/post_data_items.h"
#include "structure/structure_creation.h"
#include "structure/structure_dump.h"
#include "structure/structure_session.h"

namespace walpack {
namespace {

[[noreturn]] void throw_incomplete(const std::vector<TableName>& missing,
                                   const std::vector<RefusedObject>& refused) {
    std::string detail;
    for (const TableName& table : missing) {
        detail += fmt::format("\n{}.{} is missing", table.schema, table.table);
    }
    throw Error(ErrorKind::schema,
                "not all tables could be made on the target, so none was made there")
        .detail("These are the tables, and all that was refused:" + detail + describe(refused))
        .hint(
            "Make on the target what is missing, or the tables themselves in a form that it "
            "takes, and run \"walpack init\" again.");
}

std::vector<TableName> find_missing(Connection& target, std::vector<TableName> names) {
    const std::map<TableName, TargetTable> present = read_target_tables(target, names);
    std::erase_if(names, [&present](const TableName& name) { return present.contains(name); });
    return names;
}

class StructureTransfer {
  public:
    StructureTransfer(const Conninfo& conninfo, Connection& source, const StopRequest& stop)
        : dump_(find_client_programs(source.server_version(), stop), conninfo, source, stop) {}

    void select(StructureChoice choice, const StructureWish& wish, Connection& target) {
        choice.is_whole = !wish.is_in_use && dump_.is_whole();
        if (wish.is_in_use) choice.left_alone = left_alone(wish, target);
        selection_ = select_structure(dump_.archive(), dump_.facts(), choice);
        std::vector<std::uint32_t> entries = selection_.before;
        entries.insert(entries.end(), selection_.after.begin(), selection_.after.end());
        for (const RefusedObject& each : selection_.refused) entries.push_back(each.entry);
        texts_ = dump_.render(entries);
        for (RefusedObject& each : selection_.refused) {
            const auto text = texts_.statements.find(each.entry);
            if (text != texts_.statements.end()) each.statement = text->second;
        }
    }

    StructureReport create(Connection& target, const StructureWish& wish) {
        set_up_structure_session(target);
        Transaction transaction(target);
        CreatedStructure created =
            create_structure(selection_.before, texts_, dump_.facts(), target);
        StructureReport report;
        report.refused = selection_.refused;
        report.refused.insert(report.refused.end(), created.refused.begin(), created.refused.end());
        const std::vector<TableName> missing = find_missing(target, wish.wanted);
        if (created.refused_tables > 0 || !missing.empty()) {
            throw_incomplete(missing, report.refused);
        }
        std::vector<PostDataItem> items = post_data_items(
            selection_.after, texts_.entries, texts_.statements, dump_.facts(), created.tables);
        items.insert(items.end(), created.last.begin(), created.last.end());
        report.post_data_items = items.size();
        add_refused(created.tables, items);
        add_refused(created.refused, items);
        report.tables = created.tables.size();
        report.objects = created.objects;
        PostData(target, wish.pipeline).store(std::move(items));
        transaction.commit();
        return report;
    }

  private:
    // What is on the target, and what would have rows if it were.
    std::set<std::uint32_t> left_alone(const StructureWish& wish, Connection& target) const {
        std::set<TableName> names;
        for (const PublishedTable& table : wish.published) names.insert(table.name());
        for (const TableName& table : wish.wanted) names.erase(table);
        const Result present = target.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'f') AND c.oid >= 16384");
        for (int row = 0; row < present.rows(); ++row)
            names.insert({text_at(present, row, 0), text_at(present, row, 1)});
        std::set<std::uint32_t> oids;
        for (const auto& [oid, table] : dump_.facts().tables)
            if (names.contains(table.name)) oids.insert(oid);
        return oids;
    }

    // What is not tried is kept for status, with the statement as it is.
    void add_refused(const std::set<std::uint32_t>& made, std::vector<PostDataItem>& items) const {
        for (const RefusedObject& each : selection_.refused) {
            std::vector<PostDataItem> refused = post_data_items(
                {each.entry}, texts_.entries, texts_.statements, dump_.facts(), made);
            if (refused.empty()) continue;
            refused.front().statement = each.statement;
            refused.front().refusal = each.reason;
            items.push_back(std::move(refused.front()));
        }
    }

    // Nor is what was tried in vain: another init leaves a table alone that is there.
    void add_refused(const std::vector<RefusedObject>& refused,
                     std::vector<PostDataItem>& items) const {
        for (const RefusedObject& each : refused) {
            const SourceTable* table = dump_.facts().find_table(each.table);
            PostDataItem item;
            if (table != nullptr) item.table = table->name;
            item.description = each.description;
            item.statement = each.statement;
            item.refusal = each.reason;
            items.push_back(std::move(item));
        }
    }

    StructureDump dump_;
    ArchiveTexts texts_;
    StructureSelection selection_;
};

}  // namespace

std::string describe(const std::vector<RefusedObject>& refused) {
    std::string text;
    for (const RefusedObject& each : refused) {
        text += fmt::format("\n{}: {}", each.description, each.reason);
        std::string line = each.statement.empty() ? "" : "\n    ";
        for (const char c : each.statement) line += c == '\n' ? "\n    " : std::string(1, c);
        text += line;
    }
    return text;
}

std::vector<TableName> find_missing_tables(Connection& target,
                                           const std::vector<PublishedTable>& published) {
    std::vector<TableName> names;
    names.reserve(published.size());
    for (const PublishedTable& table : published) {
        names.push_back({table.relation->schema, table.relation->name});
    }
    return find_missing(target, std::move(names));
}

namespace {

// Rows of a root need partitions to go to.
void add_partitions(Connection& source, std::uint32_t root, std::set<std::uint32_t>& oids) {
    const Result partitions = source.execute(
        "SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree("
        "$1::pg_catalog.oid::pg_catalog.regclass) t JOIN pg_catalog.pg_class c "
        "ON c.oid = t.relid WHERE c.relkind IN ('r', 'p')",
        {std::to_string(root)});
    for (int row = 0; row < partitions.rows(); ++row) oids.insert(oid_at(partitions, row, 0));
}

StructureChoice choice_of(Connection& source, const StructureWish& wish) {
    StructureChoice choice;
    const std::set<TableName> wanted(wish.wanted.begin(), wish.wanted.end());
    for (const PublishedTable& table : wish.published) {
        const std::uint32_t oid = table.relation->oid;
        const bool is_wanted = wanted.contains(table.name());
        choice.published.insert(oid);
        if (is_wanted || !wish.is_in_use) choice.tables.insert(oid);
        if (is_wanted) add_partitions(source, oid, choice.tables);
    }
    choice.published.insert(choice.tables.begin(), choice.tables.end());
    return choice;
}

}  // namespace

StructureReport transfer_structure(const Conninfo& conninfo, Connection& source, Connection& target,
                                   const StructureWish& wish, const StopRequest& stop) {
    pin_search_path(target);
    if (wish.wanted.empty()) return {};
    StructureTransfer transfer(conninfo, source, stop);
    transfer.select(choice_of(source, wish), wish, target);
    StructureReport report = transfer.create(target, wish);
    pin_search_path(target);
    return report;
}

}  // namespace walpack
