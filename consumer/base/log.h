// The service's log: one line per event on standard error, which systemd's journal keeps.
//
// spdlog stays behind this header's source file. Levels: debug, info, warning, error. Row values
// appear at debug only, secrets never. Callers build the text with fmt: log::info("connected to
// {}", name).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace walpack::log {

enum class Level { debug, info, warning, error };

// Throws Error(config) for a name that is none of the four.
Level level_from_name(std::string_view name);

void set_level(Level level);
bool is_enabled(Level level);
void write(Level level, const std::string& text);

// Whether standard error is a terminal that can move its cursor.
bool is_on_terminal();
// Only there: whole lines, none wider than the terminal, that stay below the log until other ones
// take their place. Empty text takes them away.
void show_below(const std::string& text);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (is_enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (is_enabled(Level::info))
        write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace walpack::log
