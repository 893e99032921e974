// libpq's text of a connection that could not be made, which is all it tells.
#pragma once

#include <string>

namespace walpack {

struct ConnectFailure {
    std::string message;   // as libpq gives it when it is not asked for more
    std::string sqlstate;  // of the last server that refused; empty when none answered
};

// Of a text with verbosity PQERRORS_VERBOSE: "... failed: FATAL:  57P03: the database ...", and a
// line LOCATION below it.
ConnectFailure parse_connect_failure(const std::string& verbose);

}  // namespace walpack
