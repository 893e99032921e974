// `walpack drop`: removes what init made, and only that.
//
//   slot -> publication -> progress row on the target
//
// The reverse of init's order, so that a slot without a progress row is never this pipeline's, and
// the slot, which makes the source keep WAL, goes first. Can be repeated. An end that cannot be
// reached does not keep the other one from being cleaned.
#pragma once

#include "cli/command.h"

namespace walpack {

// 0 when nothing of the pipeline is left at the ends that were asked for, else 1.
int run_drop(const Invocation& invocation);

}  // namespace walpack
