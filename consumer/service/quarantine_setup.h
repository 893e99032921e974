// The quarantine of a running pipeline, wired to its applier.
#pragma once

#include <memory>

#include "apply/applier.h"
#include "config/config.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "quarantine/quarantine.h"

namespace walpack {

// Makes its tables where they are missing and wanted. nullptr when no row would be put there and
// none is. Before the applier is made, which prepares statements by what `progress` then says; the
// position must have been read. Both must outlive what is returned.
std::unique_ptr<Quarantine> set_up_quarantine(Connection& target, Progress& progress,
                                              const Config& config);

// `quarantine` must outlive the applier's use.
void connect_quarantine(Applier& applier, Quarantine& quarantine);

}  // namespace walpack
