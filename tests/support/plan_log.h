// The plans of a database's statements, as auto_explain writes them to its server's log.
#pragma once

#include <string>
#include <vector>

#include "support/cluster.h"
#include "support/session.h"

namespace walpack::e2e {

class PlanLog {
  public:
    // Of sessions that begin from here on. `cluster` must outlive it.
    PlanLog(Session& session, const std::string& database, const Cluster& cluster)
        : cluster_(cluster) {
        const std::string alter = "ALTER DATABASE " + database + " SET ";
        session.execute(alter + "session_preload_libraries = 'auto_explain'");
        session.execute(alter + "auto_explain.log_min_duration = 0");
        start_ = cluster_.log().size();
    }

    std::string text() const { return cluster_.log().substr(start_); }

    // Of statements that begin with `begin`.
    std::vector<std::string> plans(const std::string& begin) const {
        const std::string log = text();
        const std::string head = "Query Text: " + begin;
        std::vector<std::string> found;
        for (std::size_t at = log.find(head); at != std::string::npos; at = log.find(head, at + 1))
            found.push_back(log.substr(at, log.find("\n20", at) - at));
        return found;
    }

  private:
    const Cluster& cluster_;
    std::size_t start_ = 0;
};

}  // namespace walpack::e2e
