#include "support/consumer.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <sys/stat.h>

#include "support/scratch.h"

namespace walpack::e2e {
namespace {

std::string& default_binary() {
    static std::string path = "walpack";
    return path;
}

// One that has only just been started would die of a signal: it blocks those that it reads from a
// descriptor.
bool reads_signals(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("SigBlk:", 0) != 0) continue;
        return (std::stoull(line.substr(7), nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
    }
    return false;
}

std::string binary() {
    const char* given = std::getenv("WALPACK");
    return given != nullptr ? given : default_binary();
}

}  // namespace

void set_consumer_binary(const std::string& path) {
    default_binary() = path;
}

Consumer::Consumer(std::map<std::string, std::string> settings)
    : settings_(std::move(settings)),
      file_(new_scratch_path("walpack.toml")),
      log_(new_scratch_path("walpack.log")) {
    write_file();
}

// Replaced at once, as a consumer may be reading it.
void Consumer::write_file() const {
    const std::string next = file_ + ".next";
    std::ofstream out(next, std::ios::trunc);
    for (const auto& [key, value] : settings_) out << key << " = " << value << "\n";
    out << more_;
    out.close();
    chmod(next.c_str(), 0600);
    std::rename(next.c_str(), file_.c_str());
}

void Consumer::set(const std::string& key, const std::string& toml_value) {
    settings_[key] = toml_value;
    write_file();
}

void Consumer::set_more(const std::string& toml) {
    more_ = toml;
    write_file();
}

void Consumer::set_environment(const std::string& name, const std::string& value) {
    environment_[name] = value;
}

Finished Consumer::command(const std::string& name, const std::vector<std::string>& flags) {
    Command command{{binary(), name, "--config", file_}, environment_};
    command.arguments.insert(command.arguments.end(), flags.begin(), flags.end());
    return run_command(command);
}

void Consumer::init() {
    const Finished finished = command("init");
    if (finished.status != 0) throw std::runtime_error("walpack init: " + finished.output);
}

std::vector<std::string> Consumer::run_arguments() const {
    return {binary(), "run", "--config", file_};
}

void Consumer::start() {
    if (is_running()) throw std::logic_error("the consumer runs already");
    child_ = std::make_unique<Child>(Command{run_arguments(), environment_}, log_);
}

void Consumer::kill() {
    if (child_) child_->kill();
}

std::optional<int> Consumer::terminate(milliseconds limit) {
    if (!child_) return std::nullopt;
    (void)holds_within(limit, [this] { return !is_running() || reads_signals(child_->pid()); });
    child_->signal(SIGTERM);
    const auto status = child_->wait_exit(limit);
    if (!status) child_->kill();
    return status;
}

bool Consumer::has_given_up() const {
    if (!child_) return false;
    const int status = child_->wait_exit(milliseconds(0)).value_or(0);
    return status > 0 && status != 128 + SIGKILL;  // tests kill it; it may crash by itself
}

std::optional<int> Consumer::wait_exit(milliseconds limit) {
    return child_->wait_exit(limit);
}

void Consumer::clear_log() {
    std::ofstream(log_, std::ios::trunc).close();
}

std::string toml_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04X", c);
            out += escaped;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

}  // namespace walpack::e2e
