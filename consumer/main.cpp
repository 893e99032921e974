// argv -> sub-command -> exit code; the last place that catches.
//
// Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong. systemd's unit
// relies on 2: such an error does not go away by starting again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "base/error.h"
#include "cli/command.h"
#include "cli/command_line.h"

namespace {

#ifdef __GLIBC__
constexpr std::size_t kHeapStart = 32 << 20;

// Groups of a few megabytes come and go. By default glibc gives their memory back each time, has a
// heap for each thread, which grows by single pages, and pays for every page. One heap serves all
// threads here, and its beginning, which is most of it, is in huge pages where the system has them.
void set_up_heap() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, kHeapStart);
    void* volatile block = std::malloc(1 << 20);  // it grows now
    std::free(block);
    constexpr std::uintptr_t kHugePage = 2 << 20;
    const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0));
    const std::uintptr_t begin = (end - kHeapStart + kHugePage - 1) / kHugePage * kHugePage;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish
}
#else
void set_up_heap() {}
#endif

}  // namespace

int main(int argc, char** argv) {
    set_up_heap();
    try {
        return walpack::run_command_line(argc, argv);
    } catch (const walpack::Error& error) {
        std::fprintf(stderr, "%s\n", error.report().c_str());
        return error.kind() == walpack::ErrorKind::config ? walpack::kExitUsage
                                                          : walpack::kExitFailed;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ERROR:  %s\n", error.what());
        return walpack::kExitFailed;
    }
}
