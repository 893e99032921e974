// One statement at random for a session: rows, TRUNCATE, messages, definitions, publications.
#pragma once

#include <string>

#include "differential/random_publication.h"

namespace walpack::differential {

class RandomStatements {
  public:
    explicit RandomStatements(int server_version)
        : server_version_(server_version), publications_(server_version) {}

    // May be refused by the server. Looks at the tables as the session sees them now.
    std::string next(e2e::Session& session, e2e::Random& random);

  private:
    std::string change_definition(const std::vector<Table>& tables, e2e::Random& random);

    int server_version_;
    RandomPublications publications_;
    int made_ = 0;
};

}  // namespace walpack::differential
