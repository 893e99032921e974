#include "cli/signal_watch.h"

#include <array>
#include <chrono>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/command.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kSameRequest{500};

}  // namespace

SignalWatch::SignalWatch(StopRequest& stop, std::atomic<bool>& is_reload_requested)
    : stop_(stop), is_reload_requested_(is_reload_requested) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    WALPACK_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
    // A peer that closed its socket is an error to report, not a reason to die.
    std::signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
    WALPACK_CHECK(fd_ >= 0);
    thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
    ended_.request();
    thread_.join();
    close(fd_);
}

void SignalWatch::watch() {
    using Clock = std::chrono::steady_clock;
    Clock::time_point first;
    while (true) {
        std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{ended_.fd(), POLLIN, 0}};
        poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) return;
        signalfd_siginfo received{};
        if (read(fd_, &received, sizeof received) != sizeof received) continue;
        if (received.ssi_signo == SIGHUP) {
            is_reload_requested_ = true;
            continue;
        }
        if (stop_.requested() && Clock::now() - first < kSameRequest) continue;
        if (stop_.requested()) {
            log::warning("stopped at once by a second signal");
            _exit(kExitFailed);
        }
        log::info("received {}, stopping", received.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        first = Clock::now();
        stop_.request();
    }
}

}  // namespace walpack
