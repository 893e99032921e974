#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

spdlog::logger& logger() {
    static const auto instance = [] {
        auto created = std::make_shared<spdlog::logger>(
            "walpack", std::make_shared<spdlog::sinks::stderr_sink_mt>());
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

}  // namespace walpack::log
