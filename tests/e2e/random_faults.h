// What the random tests of faults have in common: their tables, what may be set anew between two
// starts, and faults of servers and lines.
#pragma once

#include <string>

#include "support/consumer.h"
#include "support/proxy.h"
#include "support/random.h"
#include "support/session.h"

namespace walpack::e2e {

// Statements that make all tables of the random workload on an empty database, and table large.
std::string random_tables();
// Of about four megabytes, which is more than some of the logs may have; 8000 rows.
extern const char* const kLargeTransaction;

// The connection string for a server behind it.
std::string through(const Proxy& proxy, const std::string& database);

// Of the stream and the log.
void choose_stream_settings(Consumer& consumer, Random& random);

// Those that the consumer has in the session's database, and its walsender.
void end_backends(Session& server);

}  // namespace walpack::e2e
