// One statement at random for a session: rows, TRUNCATE, messages, definitions, publications.
#pragma once

#include <string>

#include "differential/random_publication.h"

namespace walpack::differential {

struct RandomStatement {
    std::string sql;
    // No other transaction may be open meanwhile, up to the end of this one. What an open
    // transaction wrote before is decoded by what the plugin's caches hold, and that may be newer:
    // nobody promises an order where no lock makes one, as between rows and publications.
    bool is_alone = false;
};

class RandomStatements {
  public:
    explicit RandomStatements(int server_version)
        : server_version_(server_version), publications_(server_version) {}

    // May be refused by the server. Looks at the tables as the session sees them now.
    RandomStatement next(e2e::Session& session, e2e::Random& random);

  private:
    std::string change_definition(const Table& table, const std::vector<Table>& tables,
                                  e2e::Random& random);

    int server_version_;
    RandomPublications publications_;
    int made_ = 0;
};

}  // namespace walpack::differential
