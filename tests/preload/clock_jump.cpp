// Preloaded into a program, this moves its wall clock by the seconds that stand in the file named
// by WALPACK_TEST_CLOCK, which may change at any time. Clocks that only measure are left alone.
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

long jump() {
    const char* path = getenv("WALPACK_TEST_CLOCK");
    const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    char text[32] = {};
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? atol(text) : 0;
}

template <typename Function>
Function* next_one(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) {
    static auto* const original = next_one<int(clockid_t, timespec*)>("clock_gettime");
    const int status = original(clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += jump();
    return status;
}

int gettimeofday(timeval* now, void* zone) {
    static auto* const original = next_one<int(timeval*, void*)>("gettimeofday");
    const int status = original(now, zone);
    if (status == 0) now->tv_sec += jump();
    return status;
}

time_t time(time_t* result) {
    static auto* const original = next_one<time_t(time_t*)>("time");
    const time_t now = original(nullptr) + jump();
    if (result != nullptr) *result = now;
    return now;
}

}  // extern "C"
