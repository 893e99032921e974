#include "base/log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/error.h"

namespace walpack::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// Lines on standard error, with what is shown below them. Each change is one write, so that nothing
// flickers.
class StandardError : public spdlog::sinks::base_sink<std::mutex> {
  public:
    void show_below(const std::string& text) {
        const std::lock_guard lock(mutex_);
        std::string output = erasing() + text;
        below_ = text;
        put(output);
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        put(erasing() + std::string(line.data(), line.size()) + below_);
    }
    void flush_() override { std::fflush(stderr); }

  private:
    // Up to its first line, and away with everything from there on.
    std::string erasing() const {
        if (below_.empty()) return "";
        return fmt::format("\x1b[{}A\r\x1b[J", std::count(below_.begin(), below_.end(), '\n'));
    }
    static void put(const std::string& output) {
        std::fwrite(output.data(), 1, output.size(), stderr);
    }

    std::string below_;
};

const std::shared_ptr<StandardError>& standard_error() {
    static const auto instance = std::make_shared<StandardError>();
    return instance;
}

spdlog::logger& logger() {
    static const auto instance = [] {
        auto created = std::make_shared<spdlog::logger>("walpack", standard_error());
        created->set_pattern("%Y-%m-%d %H:%M:%S.%e %z [%P] %l: %v");
        created->flush_on(spdlog::level::debug);
        return created;
    }();
    return *instance;
}

}  // namespace

Level level_from_name(std::string_view name) {
    if (name == "debug") return Level::debug;
    if (name == "info") return Level::info;
    if (name == "warning") return Level::warning;
    if (name == "error") return Level::error;
    throw Error(ErrorKind::config, fmt::format("log level \"{}\" is not known", name))
        .hint("Valid log levels are debug, info, warning and error.");
}

void set_level(Level level) {
    logger().set_level(to_spdlog(level));
}

bool is_enabled(Level level) {
    return logger().should_log(to_spdlog(level));
}

void write(Level level, const std::string& text) {
    logger().log(to_spdlog(level), "{}", text);
}

bool is_on_terminal() {
    const char* terminal = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && std::string_view(terminal ? terminal : "") != "dumb";
}

void show_below(const std::string& text) {
    standard_error()->show_below(text);
}

}  // namespace walpack::log
