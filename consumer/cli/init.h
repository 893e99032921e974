// `walpack init`: makes what a pipeline needs at both ends, after checking everything.
//
//   publication -> progress row on the target -> slot
//
// The order is a promise: the slot, which makes the source keep WAL, comes last, so a failure
// before it leaves nothing that harms; and a slot without a progress row is never this pipeline's.
// drop goes the other way round. Each step leaves alone what is there, so init can be repeated
// after a lost reply.
#pragma once

#include "cli/command.h"

namespace walpack {

int run_init(const Invocation& invocation);

}  // namespace walpack
