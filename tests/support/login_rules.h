// Lines of pg_hba.conf that come before all others.
#pragma once

#include <string>

#include "support/cluster.h"

namespace walpack::e2e {

// In force on return, and for as long as the cluster lives; again is harmless.
void add_login_rule(const Cluster& cluster, const std::string& line);

// Over TCP this role, which must exist, has to tell its password from now on.
void demand_password(const Cluster& cluster, const std::string& role);

}  // namespace walpack::e2e
