// The structure of a database as pg_dump writes it: its entries, and the SQL of each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "structure/archive.h"
#include "structure/client_programs.h"
#include "structure/source_facts.h"

namespace walpack {

// Entries by number, and the SQL of each: to create it, and to give it its owner.
struct ArchiveTexts {
    std::map<std::uint32_t, ArchiveEntry> entries;
    std::map<std::uint32_t, std::string> statements;
    std::map<std::uint32_t, std::string> owners;
};

class StructureDump {
  public:
    // Runs pg_dump. `connection` leads to the same database as `conninfo`, and is outside of a
    // transaction. `stop` must outlive this object.
    StructureDump(const ClientPrograms& programs, const Conninfo& conninfo, Connection& connection,
                  const StopRequest& stop);

    const std::vector<ArchiveEntry>& archive() const { return archive_; }
    const SourceFacts& facts() const { return facts_; }
    // Nothing was left out, as the role may read all tables.
    bool is_whole() const { return is_whole_; }
    // Of these entries the SQL, of all of them the description.
    ArchiveTexts render(const std::vector<std::uint32_t>& entries) const;

  private:
    const ClientPrograms programs_;
    const StopRequest& stop_;
    bool is_whole_ = true;
    std::string dump_;
    std::vector<ArchiveEntry> archive_;
    SourceFacts facts_;
};

}  // namespace walpack
