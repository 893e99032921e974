#include "structure/post_data_items.h"

#include <fmt/format.h>

#include "base/text.h"
#include "structure/selection.h"

namespace walpack {
namespace {

std::string sql_name(const TableName& table) {
    return quote_identifier(table.schema) + "." + quote_identifier(table.table);
}

PostDataKind kind_of_comment(const ArchiveEntry& entry,
                             const std::map<std::uint32_t, ArchiveEntry>& entries) {
    for (const std::uint32_t id : entry.depends_on) {
        const auto found = entries.find(id);
        if (found == entries.end()) continue;
        const std::string& kind = found->second.kind;
        if (kind == "INDEX" || kind == "CONSTRAINT" || kind == "STATISTICS") {
            return PostDataKind::cluster;
        }
    }
    return PostDataKind::other;
}

// An unvalidated foreign key is there at once, and its validation lets rows be written meanwhile.
// On a partitioned table servers before version 18 know no unvalidated ones; and of a key that
// refers to one, they validate the part for the root only.
void add_foreign_key(PostDataItem item, const OwnedObject& key, const SourceFacts& facts,
                     std::vector<PostDataItem>& items) {
    const SourceTable& table = *facts.find_table(key.table);
    const SourceTable* referenced = facts.find_table(key.referenced);
    const bool is_partitioned =
        table.relkind == 'p' || (referenced != nullptr && referenced->relkind == 'p');
    const auto not_valid = is_partitioned ? std::nullopt : as_not_valid(item.statement);
    if (!not_valid) {
        items.push_back(std::move(item));
        return;
    }
    item.statement = *not_valid;
    PostDataItem validation = item;
    items.push_back(std::move(item));
    validation.kind = PostDataKind::validation;
    validation.description = "validation of " + validation.description;
    validation.statement = fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {};",
                                       sql_name(table.name), quote_identifier(key.name));
    items.push_back(std::move(validation));
}

}  // namespace

PostDataKind post_data_kind(const ArchiveEntry& entry,
                            const std::map<std::uint32_t, ArchiveEntry>& entries,
                            const SourceFacts& facts) {
    if (entry.kind == "CONSTRAINT" || entry.kind == "INDEX") {
        const OwnedObject* owned = facts.find_owned(entry.class_oid, entry.object_oid);
        return owned != nullptr && owned->is_unique ? PostDataKind::key : PostDataKind::index;
    }
    if (entry.kind == "INDEX ATTACH" || entry.kind == "TABLE ATTACH" || entry.kind == "STATISTICS")
        return PostDataKind::cluster;
    if (entry.kind == "FK CONSTRAINT") return PostDataKind::foreign_key;
    if (entry.kind == "TRIGGER" || entry.kind == "RULE") return PostDataKind::trigger;
    if (entry.kind == "COMMENT") return kind_of_comment(entry, entries);
    return PostDataKind::other;
}

std::optional<std::string> as_not_valid(const std::string& statement) {
    const std::size_t end = statement.find_last_not_of("; \n");
    if (end == std::string::npos) return std::nullopt;
    const std::string body = statement.substr(0, end + 1);
    if (body.ends_with(" NOT VALID") || body.ends_with(" NOT ENFORCED")) return std::nullopt;
    return body + " NOT VALID;";
}

std::vector<PostDataItem> post_data_items(const std::vector<std::uint32_t>& after,
                                          const std::map<std::uint32_t, ArchiveEntry>& entries,
                                          const std::map<std::uint32_t, std::string>& texts,
                                          const SourceFacts& facts,
                                          const std::set<std::uint32_t>& made) {
    std::vector<PostDataItem> items;
    for (const std::uint32_t id : after) {
        const ArchiveEntry& entry = entries.at(id);
        const auto text = texts.find(id);
        const std::uint32_t oid = table_of(entry, entries, facts);
        const SourceTable* table = facts.find_table(oid);
        if (text == texts.end() || table == nullptr || !made.contains(oid)) continue;
        PostDataItem item;
        item.kind = post_data_kind(entry, entries, facts);
        item.table = table->name;
        item.description = entry.description();
        item.statement = text->second;
        const OwnedObject* owned = facts.find_owned(entry.class_oid, entry.object_oid);
        if (item.kind == PostDataKind::foreign_key && owned != nullptr) {
            add_foreign_key(std::move(item), *owned, facts, items);
        } else {
            items.push_back(std::move(item));
        }
    }
    return items;
}

}  // namespace walpack
