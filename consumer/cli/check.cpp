#include "cli/check.h"

#include <string>
#include <vector>

#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/preflight.h"
#include "config/config.h"

namespace walpack {

int run_check(const Invocation& invocation) {
    const std::vector<Config> targets = load_configs(invocation.config_path, invocation.flags);
    std::size_t problems = 0;
    for (const Config& config : targets) {
        const StopRequest stop;
        const Preflight preflight = run_preflight(config, stop);
        if (targets.size() > 1) print("target \"" + config.target_name + "\":\n");
        print(preflight.findings.report(Severity::ok));
        problems += preflight.findings.problem_count();
    }
    print(problems == 0 ? "everything is in order\n" : counted(problems, "problem") + "\n");
    return problems == 0 ? kExitDone : kExitFailed;
}

}  // namespace walpack
