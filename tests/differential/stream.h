// All that a walsender has to say about a slot, up to the end of the WAL at the time of the call.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/session.h"

namespace walpack::differential {

// Decoding reads what is on disk. Puts a record behind all that was written, and flushes it.
void flush_wal(e2e::Session& session);

// The messages. Nothing is confirmed, so the slot stays where it is. Throws SqlError for what the
// server refuses.
std::vector<std::string> receive_stream(const std::string& conninfo, const std::string& slot,
                                        const std::map<std::string, std::string>& options,
                                        const std::map<std::string, std::string>& settings);

}  // namespace walpack::differential
