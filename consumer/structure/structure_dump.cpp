#include "structure/structure_dump.h"

namespace walpack {

StructureDump::StructureDump(const ClientPrograms& programs, const Conninfo& conninfo,
                             Connection& connection, const StopRequest& stop)
    : programs_(programs), stop_(stop) {
    DumpOptions options;
    options.excluded_tables = read_unreadable_tables(connection);
    is_whole_ = options.excluded_tables.empty();
    dump_ = dump_structure(programs_, conninfo, options, stop);
    archive_ = parse_archive_list(list_archive(programs_, dump_, stop));
    std::vector<std::uint32_t> oids;
    for (const ArchiveEntry& entry : archive_) {
        if (entry.object_oid != 0) oids.push_back(entry.object_oid);
    }
    facts_ = read_source_facts(connection, oids);
}

// The statement that gives an entry its owner stands behind the others.
ArchiveTexts StructureDump::render(const std::vector<std::uint32_t>& entries) const {
    ArchiveTexts texts;
    for (const ArchiveEntry& entry : archive_) texts.entries[entry.id] = entry;
    texts.statements = split_archive_script(render_archive(programs_, dump_, entries, false, stop_),
                                            texts.entries);
    const auto with_owners =
        split_archive_script(render_archive(programs_, dump_, entries, true, stop_), texts.entries);
    for (const auto& [id, text] : with_owners) {
        const std::string& bare = texts.statements[id];
        if (!text.starts_with(bare) || text.size() == bare.size()) continue;
        texts.owners[id] = text.substr(text.find_first_not_of('\n', bare.size()));
    }
    return texts;
}

}  // namespace walpack
