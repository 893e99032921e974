// `walpack recopy`: copies one table again, beside everything else.
#pragma once

#include "cli/command.h"

namespace walpack {

// Only asks for it: the pipeline does it, at once or when it runs again.
int run_recopy(const Invocation& invocation);

}  // namespace walpack
