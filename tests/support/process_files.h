// What the system says of a running process: its memory and its files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace walpack::e2e {

// VmHWM: the most that was ever resident; -1 when there is no such process.
std::int64_t peak_resident_kilobytes(pid_t pid);

// Bytes of the files without a name that it holds open in `folder`.
std::int64_t unnamed_file_bytes(pid_t pid, const std::string& folder);

// The processes that it has started and that still are.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace walpack::e2e
