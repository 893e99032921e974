// The settings of a session that creates structure on a target, whatever the role, the database or
// the connection string set: names in pg_dump's statements are qualified, bodies of functions are
// not checked, nothing but a lock ends a statement.
#pragma once

#include <string>

#include "base/error.h"
#include "pg/connection.h"

namespace walpack {

// May be called again in the same session. Leaves search_path empty.
void set_up_structure_session(Connection& target);

// Whether the server refused the very statement: another try would meet the same answer. False for
// a lost connection, a requested stop, a deadlock, a lack of resources.
bool is_refusal(const Error& error);
// Whether it refused because an object of the name is there, or was being made by another session.
bool says_exists(const Error& error);
// What the server said, without our own words in front of it.
std::string server_message(const Error& error);

}  // namespace walpack
