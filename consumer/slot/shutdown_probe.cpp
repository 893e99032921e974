#include "slot/shutdown_probe.h"

#include "base/error.h"
#include "base/sqlstate.h"
#include "pg/connection.h"

namespace walpack {

bool is_shutting_down(const Conninfo& source, const StopRequest& stop,
                      const std::string& application_name) {
    Conninfo conninfo = source;
    conninfo.set("connect_timeout", "1");
    try {
        const Connection probe(conninfo, stop, application_name);
        return false;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        // Also while it starts up, when there is no stream.
        return error.sqlstate() == kCannotConnectNow;
    }
}

}  // namespace walpack
