// The consumer `walpack` as an operator uses it: a configuration file and child processes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/child.h"

namespace walpack::e2e {

// The program that consumers run: WALPACK from the environment, else what was set.
void set_consumer_binary(const std::string& path);

class Consumer {
  public:
    // `settings` are keys of the configuration file with values in TOML; source, target and
    // pipeline are required. Text values go through toml_text().
    explicit Consumer(std::map<std::string, std::string> settings);

    void set(const std::string& key, const std::string& toml_value);
    // What stands in the file behind the settings, such as [[target]] entries.
    void set_more(const std::string& toml);
    // For child processes started from now on.
    void set_environment(const std::string& name, const std::string& value);

    // Runs a sub-command (init, status, drop, check, ...) to its end.
    Finished command(const std::string& name, const std::vector<std::string>& flags = {});
    // `walpack init`, which must succeed.
    void init();

    // The program and its arguments for `walpack run`.
    std::vector<std::string> run_arguments() const;
    void start();  // walpack run
    void kill();   // -9
    // SIGTERM; the exit status, or nullopt when it still runs after `limit` (then it is killed).
    std::optional<int> terminate(milliseconds limit = seconds(10));
    // The exit status when it ends by itself within `limit`.
    std::optional<int> wait_exit(milliseconds limit);
    // Ended by itself with an error; not by a signal.
    bool has_given_up() const;
    bool is_running() const { return child_ && child_->is_running(); }
    pid_t pid() const { return child_->pid(); }

    // Everything that `walpack run` printed, over all starts.
    std::string log() const { return read_file(log_); }
    void clear_log();
    const std::string& file() const { return file_; }

  private:
    void write_file() const;

    std::map<std::string, std::string> settings_;
    std::string more_;
    std::map<std::string, std::string> environment_;
    std::string file_;
    std::string log_;
    std::unique_ptr<Child> child_;
};

std::string toml_text(const std::string& text);

}  // namespace walpack::e2e
