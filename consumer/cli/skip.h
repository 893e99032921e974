// `walpack skip`: asks a pipeline to leave one transaction out.
#pragma once

#include <string>

#include "cli/command.h"
#include "model/lsn.h"

namespace walpack {

int run_skip(const Invocation& invocation);

// Throws Error(config) when it is not an LSN.
Lsn read_lsn(const std::string& text);

}  // namespace walpack
