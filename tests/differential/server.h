// The server that the differential tests run against: a throw-away cluster, or one that is running
// already and named by WALPACK_TEST_CONNINFO (a superuser's connection string without a database).
// That one must have wal_level = logical and must load both plugins.
#pragma once

#include <string>

namespace walpack::differential {

std::string server_conninfo(const std::string& database);
void end_server();  // only what was started here

}  // namespace walpack::differential
