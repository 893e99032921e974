// The publications on the source, as init makes them and drop removes them.
//
// A publication that init made carries a comment that names its pipeline; no other one is dropped.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

struct PublicationState {
    bool is_all_tables = false;
    bool has_schemas = false;         // FOR TABLES IN SCHEMA
    bool is_ours = false;             // made by init for this pipeline
    std::vector<std::string> tables;  // named one by one; quoted, "schema"."table"
};

// nullopt when it does not exist.
std::optional<PublicationState> read_publication(Connection& source, const std::string& name,
                                                 const std::string& pipeline);

// FOR ALL TABLES, or for the configured ones.
std::string create_publication_sql(const Config& config, const std::string& name);
std::string comment_publication_sql(const Config& config, const std::string& name);

}  // namespace walpack
