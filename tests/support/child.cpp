#include "support/child.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.h"

namespace walpack::e2e {
namespace {

[[noreturn]] void become(const Command& command, const std::string& log, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0) _exit(127);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    for (const auto& [name, value] : command.environment) setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> arguments;
    for (const std::string& argument : command.arguments) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    std::perror(arguments[0]);
    _exit(127);
}

}  // namespace

Child::Child(const Command& command, const std::string& log) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (pid_ == 0) become(command, log, parent);
}

Child::~Child() {
    kill();
}

bool Child::is_running() {
    return !wait_exit(milliseconds(0)).has_value();
}

void Child::signal(int number) {
    if (is_running()) ::kill(pid_, number);
}

void Child::kill() {
    signal(SIGKILL);
    wait_until("the end of a killed process", seconds(10), [this] { return !is_running(); });
}

std::optional<int> Child::wait_exit(milliseconds limit) {
    const auto has_ended = [this] {
        if (status_) return true;
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
    };
    (void)holds_within(limit, has_ended);
    return status_;
}

Finished run_command(const Command& command, milliseconds limit) {
    const std::string log = new_scratch_path("command.log");
    Finished finished;
    Child child(command, log);
    const auto status = child.wait_exit(limit);
    finished.output = read_file(log);
    unlink(log.c_str());
    if (!status) {
        throw std::runtime_error(command.arguments[0] + " did not end:\n" + finished.output);
    }
    finished.status = *status;
    return finished;
}

std::string read_file(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace walpack::e2e
