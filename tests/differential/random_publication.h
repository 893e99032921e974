// Publications at random: of tables with filters and lists, of schemas, of everything; and how they
// change. pgoutput of versions up to 17 stops at a publication that is missing, so each is dropped
// and made again in one statement, with nothing between.
#pragma once

#include <string>
#include <vector>

#include "differential/random_table.h"

namespace walpack::differential {

class RandomPublications {
  public:
    explicit RandomPublications(int server_version) : server_version_(server_version) {}

    static const std::vector<std::string>& names();
    std::string create(const std::string& name, const std::vector<Table>& tables,
                       e2e::Random& random) const;
    // Any change of any publication.
    std::string alter(const std::vector<Table>& tables, e2e::Random& random) const;

  private:
    std::string entry(const Table& table, e2e::Random& random) const;
    std::string options(e2e::Random& random) const;
    std::string set_tables(const std::string& name, const std::vector<Table>& tables,
                           e2e::Random& random) const;

    int server_version_;
};

// A filter that any update passes the server's check with, if the table has a replica identity.
std::string random_filter(const Table& table, e2e::Random& random);

}  // namespace walpack::differential
