// `walpack quarantine`: looks at rows that could not be applied, and decides what becomes of them.
#pragma once

#include "cli/command.h"

namespace walpack {

Command quarantine_command();

}  // namespace walpack
