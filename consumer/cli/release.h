// `walpack release`: asks a pipeline to apply the transaction that it holds.
#pragma once

#include "cli/command.h"

namespace walpack {

int run_release(const Invocation& invocation);

}  // namespace walpack
