#include "cli/check.h"

#include <string>

#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/preflight.h"
#include "config/config.h"

namespace walpack {

int run_check(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    const StopRequest stop;
    const Preflight preflight = run_preflight(config, stop);
    const std::size_t problems = preflight.findings.problem_count();
    print(preflight.findings.report(Severity::ok));
    print(problems == 0 ? "everything is in order\n" : counted(problems, "problem") + "\n");
    return problems == 0 ? kExitDone : kExitFailed;
}

}  // namespace walpack
