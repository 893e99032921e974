#include "structure/selection.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

using Kinds = std::initializer_list<std::string_view>;

bool is_one_of(const std::string& kind, Kinds kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool is_relation(const ArchiveEntry& entry) {
    return is_one_of(entry.kind, {"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE"});
}

// Belongs to what it depends on, and is made when all of that is.
bool is_attachment(const ArchiveEntry& entry) {
    return is_one_of(entry.kind, {"COMMENT", "ACL", "SEQUENCE OWNED BY", "TABLE ATTACH",
                                  "INDEX ATTACH", "CHECK CONSTRAINT"});
}

// Comes with all tables although none needs it.
bool is_of_whole(const ArchiveEntry& entry) {
    return is_one_of(entry.kind, {"EXTENSION", "SCHEMA", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE",
                                  "AGGREGATE", "SEQUENCE", "OPERATOR", "OPERATOR CLASS",
                                  "OPERATOR FAMILY", "CAST", "COLLATION"});
}

// Of the database or the dump as a whole. Our own extension serves sources.
bool is_never_wanted(const ArchiveEntry& entry) {
    return is_one_of(entry.kind, {"DATABASE", "ENCODING", "STDSTRINGS", "SEARCHPATH"}) ||
           (entry.kind == "EXTENSION" && entry.name == "walpack");
}

class Selecting {
  public:
    Selecting(const std::vector<ArchiveEntry>& archive, const SourceFacts& facts,
              const StructureChoice& choice)
        : archive_(archive), facts_(facts), choice_(choice) {
        for (const ArchiveEntry& entry : archive) {
            entries_[entry.id] = entry;
            if (entry.kind == "EXTENSION") extensions_[entry.object_oid] = entry.id;
        }
    }

    StructureSelection run() {
        include_published();
        include_attached();
        if (choice_.is_whole && has_all_tables()) include_whole();
        for (const ArchiveEntry& entry : archive_) consider_after(entry);
        include_attached();
        for (const ArchiveEntry& entry : archive_) {
            if (!included_.contains(entry.id)) continue;
            (is_after(entry) ? selection_.after : selection_.before).push_back(entry.id);
        }
        return std::move(selection_);
    }

  private:
    void include_published() {
        std::set<std::uint32_t> missing = choice_.tables;
        std::set<std::uint32_t> extensions;
        for (const auto& [table, extension] : facts_.extensions) {
            if (missing.erase(table) > 0) extensions.insert(extension);
        }
        for (const ArchiveEntry& entry : archive_) {
            const bool is_wanted =
                entry.kind == "EXTENSION"
                    ? extensions.contains(entry.object_oid)
                    : entry.kind == "TABLE" && missing.erase(entry.object_oid) > 0;
            if (is_wanted) include(entry.id);
        }
        if (missing.empty()) return;
        throw Error(ErrorKind::schema,
                    fmt::format("pg_dump left out {} of the published tables", missing.size()))
            .hint(
                "The role needs SELECT on them on the source; if one was made just now, run "
                "\"walpack init\" again.");
    }

    // With an own stack: chains of dependencies can be as long as there are objects.
    void include(std::uint32_t id) {
        std::vector<std::uint32_t> waiting = {id};
        while (!waiting.empty()) {
            const auto found = entries_.find(waiting.back());
            waiting.pop_back();
            if (found == entries_.end() || is_never_wanted(found->second)) continue;
            const ArchiveEntry& entry = found->second;
            if (is_left_alone(entry) || !included_.insert(found->first).second) continue;
            if (entry.kind == "TABLE") included_tables_.insert(entry.object_oid);
            waiting.insert(waiting.end(), entry.depends_on.begin(), entry.depends_on.end());
            for (const std::uint32_t extension : extensions_needed(entry))
                waiting.push_back(extension);
        }
    }

    bool is_left_alone(const ArchiveEntry& entry) const {
        return !choice_.left_alone.empty() &&
               choice_.left_alone.contains(table_of(entry, entries_, facts_));
    }
    bool is_left_alone(std::uint32_t id) const {
        const auto found = entries_.find(id);
        return found != entries_.end() && is_left_alone(found->second);
    }

    // By numbers of entries.
    std::vector<std::uint32_t> extensions_needed(const ArchiveEntry& entry) const {
        std::vector<std::uint32_t> needed;
        const auto found = facts_.extensions_needed.find({entry.class_oid, entry.object_oid});
        if (found == facts_.extensions_needed.end()) return needed;
        for (const std::uint32_t oid : found->second) {
            const auto extension = extensions_.find(oid);
            if (extension != extensions_.end()) needed.push_back(extension->second);
        }
        return needed;
    }

    // What is part of an included table before the rows, and attachments of what is included; until
    // nothing more comes, as one brings the other.
    void include_attached() {
        std::size_t before = 0;
        do {
            before = included_.size();
            for (const ArchiveEntry& entry : archive_) {
                if (included_.contains(entry.id)) continue;
                const bool is_part = !is_after(entry) && !is_attachment(entry) &&
                                     included_tables_.contains(table_of(entry, entries_, facts_));
                if (is_part || (is_attachment(entry) && has_all_dependencies(entry))) {
                    include(entry.id);
                }
            }
        } while (included_.size() > before);
    }

    bool has_all_dependencies(const ArchiveEntry& entry) const {
        // Its table is attached, which attaches the indexes that there are.
        const bool is_index = entry.kind == "INDEX ATTACH";
        bool has_one = false;
        for (const std::uint32_t id : entry.depends_on) {
            if (is_index && is_left_alone(id)) return false;
            if (!entries_.contains(id) || is_left_alone(id)) continue;
            if (!included_.contains(id)) return false;
            has_one = true;
        }
        return has_one;
    }

    bool has_all_tables() const {
        return std::all_of(archive_.begin(), archive_.end(), [this](const ArchiveEntry& entry) {
            if (entry.kind != "TABLE" || included_.contains(entry.id)) return true;
            const SourceTable* table = facts_.find_table(entry.object_oid);
            return table != nullptr && !table->is_permanent;
        });
    }

    void include_whole() {
        for (const ArchiveEntry& entry : archive_) {
            if (is_of_whole(entry)) include(entry.id);
        }
        include_attached();
    }

    bool is_after(const ArchiveEntry& entry) const {
        if (is_post_data(entry, facts_)) return true;
        if (entry.kind == "TABLE ATTACH" &&
            std::ranges::any_of(entry.depends_on,
                                [this](std::uint32_t id) { return is_left_alone(id); }))
            return true;
        // Attachments come with the latest of what they are attached to.
        return is_attachment(entry) && std::any_of(entry.depends_on.begin(), entry.depends_on.end(),
                                                   [this](std::uint32_t id) {
                                                       const auto found = entries_.find(id);
                                                       return found != entries_.end() &&
                                                              is_post_data(found->second, facts_);
                                                   });
    }

    void consider_after(const ArchiveEntry& entry) {
        if (!is_post_data(entry, facts_) || entry.kind == "INDEX ATTACH") return;
        if (!included_tables_.contains(table_of(entry, entries_, facts_))) return;
        if (const std::string missing = needed_relation(entry); !missing.empty()) {
            selection_.refused.push_back({entry.description(), "",
                                          fmt::format("needs {}, which is not published", missing),
                                          entry.id});
            return;
        }
        include(entry.id);
    }

    // A relation that the entry needs and that does not come anyway; empty text without one.
    std::string needed_relation(const ArchiveEntry& entry) const {
        const OwnedObject* owned = facts_.find_owned(entry.class_oid, entry.object_oid);
        if (owned != nullptr && owned->referenced != 0 && !is_filled(owned->referenced)) {
            const SourceTable* table = facts_.find_table(owned->referenced);
            return table == nullptr ? "another table"
                                    : "TABLE " + table->name.schema + ' ' + table->name.table;
        }
        std::set<std::uint32_t> seen;
        std::vector<std::uint32_t> waiting = entry.depends_on;
        while (!waiting.empty()) {
            const std::uint32_t id = waiting.back();
            waiting.pop_back();
            const auto found = entries_.find(id);
            if (found == entries_.end() || included_.contains(id) || is_left_alone(id)) continue;
            if (is_relation(found->second)) return found->second.description();
            if (!seen.insert(id).second) continue;
            waiting.insert(waiting.end(), found->second.depends_on.begin(),
                           found->second.depends_on.end());
        }
        return "";
    }

    // Its rows come: it is published, or the root of partitions that came with them, or are there.
    bool is_filled(std::uint32_t oid) const {
        if (choice_.published.contains(oid)) return true;
        const SourceTable* table = facts_.find_table(oid);
        return table != nullptr && table->relkind == 'p' &&
               (included_tables_.contains(oid) || choice_.left_alone.contains(oid));
    }

    const std::vector<ArchiveEntry>& archive_;
    const SourceFacts& facts_;
    const StructureChoice& choice_;
    std::map<std::uint32_t, ArchiveEntry> entries_;
    std::map<std::uint32_t, std::uint32_t> extensions_;  // OID -> number
    std::set<std::uint32_t> included_;
    std::set<std::uint32_t> included_tables_;  // OIDs
    StructureSelection selection_;
};

}  // namespace

bool is_post_data(const ArchiveEntry& entry, const SourceFacts& facts) {
    // A check of a domain is made with it, one of a table that was not validated after the rows.
    if (entry.kind == "CHECK CONSTRAINT") {
        return facts.find_owned(entry.class_oid, entry.object_oid) != nullptr;
    }
    return is_one_of(entry.kind, {"CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH",
                                  "STATISTICS", "TRIGGER", "RULE", "POLICY", "ROW SECURITY"});
}

std::uint32_t table_of(const ArchiveEntry& entry,
                       const std::map<std::uint32_t, ArchiveEntry>& entries,
                       const SourceFacts& facts) {
    if (entry.kind == "TABLE" || entry.kind == "ROW SECURITY") return entry.object_oid;
    if (const OwnedObject* owned = facts.find_owned(entry.class_oid, entry.object_oid)) {
        return owned->table;
    }
    if (!is_attachment(entry)) return 0;
    // A partition stands before its parent. A comment is on a table, or on a part of one.
    std::uint32_t of_part = 0;
    for (const std::uint32_t id : entry.depends_on) {
        const auto found = entries.find(id);
        if (found == entries.end()) continue;
        if (found->second.kind == "TABLE") return found->second.object_oid;
        if (of_part == 0 && !is_attachment(found->second)) {
            of_part = table_of(found->second, entries, facts);
        }
    }
    return of_part;
}

StructureSelection select_structure(const std::vector<ArchiveEntry>& archive,
                                    const SourceFacts& facts, const StructureChoice& choice) {
    return Selecting(archive, facts, choice).run();
}

}  // namespace walpack
