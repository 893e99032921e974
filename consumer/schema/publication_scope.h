// What publications hold, added up: which relations, which of their columns and rows.
//
// The rules are those of the server's own initial synchronisation and of the plugin
// (plugin/publication_filter.h): what is copied must be what the stream would have brought.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/connection.h"

namespace walpack {

// One publication's word on one relation.
struct PublicationEntry {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char relkind = 'r';
    char replica_identity = 'd';
    std::string publication;
    bool publishes_updates = false;         // or deletes
    std::vector<std::uint32_t> columns;     // attribute numbers, ascending
    std::optional<std::string> row_filter;  // as an SQL expression, for search_path pg_catalog
    std::vector<std::uint32_t> ancestors;   // of a partition
};

// All publications' word on it.
struct PublishedRelation {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char relkind = 'r';
    char replica_identity = 'd';
    bool publishes_updates = false;
    std::vector<std::uint32_t> columns;
    std::optional<std::string> row_filter;

    bool operator==(const PublishedRelation&) const = default;
};

// Throws Error(config) naming publications that do not exist. search_path must be pg_catalog.
std::vector<PublicationEntry> read_publication_entries(
    Connection& source, const std::vector<std::string>& publications);

// Entries of one relation follow each other; the order stays. A partition is left out where an
// ancestor is listed, since its rows come as the ancestor's. Row filters are joined by OR, and one
// publication without any lets all rows pass; whether a publication publishes inserts does not
// matter. Throws Error(config) for column lists that differ, which the source would refuse to
// decode.
std::vector<PublishedRelation> combine(const std::vector<PublicationEntry>& entries);

}  // namespace walpack
