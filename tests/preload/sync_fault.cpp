// Preloaded into a program, this lets fsync and fdatasync fail with EIO while the file named by
// WALPACK_TEST_SYNC_FAULT exists.
#include <cerrno>
#include <cstdlib>

#include <dlfcn.h>
#include <unistd.h>

namespace {

bool is_broken() {
    const char* path = getenv("WALPACK_TEST_SYNC_FAULT");
    return path != nullptr && access(path, F_OK) == 0;
}

int sync_by(const char* name, int fd) {
    auto* const original = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name));
    if (!is_broken()) return original(fd);
    errno = EIO;
    return -1;
}

}  // namespace

extern "C" {

int fsync(int fd) {
    return sync_by("fsync", fd);
}

int fdatasync(int fd) {
    return sync_by("fdatasync", fd);
}

}  // extern "C"
