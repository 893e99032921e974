#include "slot/shutdown_probe.h"

#include <string_view>

#include "base/error.h"
#include "pg/connection.h"

namespace walpack {
namespace {

// "the database system is shutting down"; also while it starts up, when there is no stream.
constexpr std::string_view kCannotConnectNow = "57P03";

}  // namespace

bool is_shutting_down(const Conninfo& source, const StopRequest& stop,
                      const std::string& application_name) {
    Conninfo conninfo = source;
    conninfo.set("connect_timeout", "1");
    try {
        const Connection probe(conninfo, stop, application_name);
        return false;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        return error.sqlstate() == kCannotConnectNow;
    }
}

}  // namespace walpack
