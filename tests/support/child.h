// A child process: started with its output in a file, ended whatever happens to the test.
//
// A child that was started dies with the thread that started it (the kernel sees to that), so
// start children from the test's own thread only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support/wait.h"

namespace walpack::e2e {

struct Command {
    std::vector<std::string> arguments;              // the program first
    std::map<std::string, std::string> environment;  // on top of the test's own
};

class Child {
  public:
    // Standard output and error are appended to `log`.
    Child(const Command& command, const std::string& log);
    ~Child();  // kill -9 when it still runs
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    bool is_running();
    void signal(int number);
    void kill();  // -9, and waits for its end
    // The exit status (128 + signal when one ended it), or nullopt when it still runs after
    // `limit`.
    std::optional<int> wait_exit(milliseconds limit);

  private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

struct Finished {
    int status = -1;  // as Child::wait_exit
    std::string output;
};

// Runs a command to its end; one that takes longer than `limit` is killed and throws.
Finished run_command(const Command& command, milliseconds limit = seconds(60));

std::string read_file(const std::string& path);

}  // namespace walpack::e2e
