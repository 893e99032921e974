#include "structure/child_program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

extern char** environ;

namespace walpack {
namespace {

constexpr std::size_t kOutputBytesMax = std::size_t{1} << 30;
constexpr std::size_t kErrorBytesMax = 64 * 1024;
constexpr int kExitNotStarted = 127;

[[noreturn]] void throw_system_error(const std::string& doing) {
    throw Error(ErrorKind::limit, fmt::format("could not {}: {}", doing, std::strerror(errno)));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_;
};

struct Pipe {
    Pipe() : Pipe(make()) {}
    Descriptor read_end;
    Descriptor write_end;

  private:
    explicit Pipe(const std::array<int, 2>& ends) : read_end(ends[0]), write_end(ends[1]) {}
    static std::array<int, 2> make() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("make a pipe");
        return ends;
    }
};

// Everything that exec needs is made before the fork: between the two a child of a threaded process
// may not even allocate.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

std::vector<std::string> environment_of(const ChildProgram& program) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (!program.environment.contains(text.substr(0, text.find('=')))) {
            variables.push_back(text);
        }
    }
    for (const auto& [name, value] : program.environment) {
        variables.push_back(name);
        variables.back() += '=' + value;
    }
    return variables;
}

class Child {
  public:
    explicit Child(const ChildProgram& program) {
        std::vector<std::string> arguments = program.arguments;
        std::vector<std::string> variables = environment_of(program);
        const std::vector<char*> argv = pointers_to(arguments);
        const std::vector<char*> envp = pointers_to(variables);
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ < 0) throw_system_error("start a child process");
        if (pid_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(kExitNotStarted);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        const int null_device = open("/dev/null", O_RDONLY);
        dup2(null_device, STDIN_FILENO);
        dup2(output_.write_end.get(), STDOUT_FILENO);
        dup2(errors_.write_end.get(), STDERR_FILENO);
        for (const int fd : program.passed) fcntl(fd, F_SETFD, 0);
        execve(argv[0], argv.data(), envp.data());
        _exit(kExitNotStarted);
    }
    ~Child() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        reap();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    ChildOutcome run_to_end(const StopRequest& stop) {
        output_.write_end.close();
        errors_.write_end.close();
        ChildOutcome outcome;
        while (output_.read_end.get() >= 0 || errors_.read_end.get() >= 0) {
            std::array<pollfd, 3> fds{pollfd{output_.read_end.get(), POLLIN, 0},
                                      pollfd{errors_.read_end.get(), POLLIN, 0},
                                      pollfd{stop.fd(), POLLIN, 0}};
            if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw_system_error("wait");
            stop.throw_if_requested();
            if (fds[0].revents != 0) take(output_.read_end, outcome.output);
            if (fds[1].revents != 0) take(errors_.read_end, outcome.errors);
            if (outcome.output.size() > kOutputBytesMax) {
                throw Error(ErrorKind::limit, "a client program printed more than 1 GB");
            }
            if (outcome.errors.size() > 2 * kErrorBytesMax) {
                outcome.errors.erase(0, outcome.errors.size() - kErrorBytesMax);
            }
        }
        outcome.status = reap();
        return outcome;
    }

  private:
    static void take(Descriptor& from, std::string& into) {
        std::array<char, 64 * 1024> buffer{};
        const ssize_t count = read(from.get(), buffer.data(), buffer.size());
        if (count > 0) into.append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) from.close();
    }

    int reap() {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    Pipe output_;
    Pipe errors_;
    pid_t pid_ = -1;
};

}  // namespace

MemoryFile::MemoryFile(std::string_view contents) : fd_(memfd_create("walpack", MFD_CLOEXEC)) {
    if (fd_ < 0) throw_system_error("make a file in memory");
    while (!contents.empty()) {
        const ssize_t count = write(fd_, contents.data(), contents.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            ::close(fd_);
            throw_system_error("write a file in memory");
        }
        contents.remove_prefix(static_cast<std::size_t>(count));
    }
}

MemoryFile::~MemoryFile() {
    ::close(fd_);
}

std::string MemoryFile::path() const {
    return fmt::format("/proc/self/fd/{}", fd_);
}

ChildOutcome run_child(const ChildProgram& program, const StopRequest& stop) {
    if (access(program.arguments.front().c_str(), X_OK) != 0) {
        throw Error(ErrorKind::config,
                    fmt::format("program \"{}\" cannot be run", program.arguments.front()));
    }
    return Child(program).run_to_end(stop);
}

}  // namespace walpack
