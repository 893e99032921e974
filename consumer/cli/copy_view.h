// The initial copy as a picture at the end of the log, where that is a terminal.
#pragma once

#include "copy/copy_progress.h"

namespace walpack {

// Empty when standard error is no terminal.
OnCopyProgress copy_view();

}  // namespace walpack
