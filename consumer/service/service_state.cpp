#include "service/service_state.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/split.h"

namespace walpack {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "state";
constexpr const char* kTarget = "target";

struct Field {
    const char* name;
    std::function<std::string(const ServiceState&)> show;
    std::function<bool(ServiceState&, const std::string&)> read;
};

bool read_number(std::uint64_t& number, const std::string& text) {
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stopped == end;
}

// One line is one figure.
std::string on_one_line(std::string text) {
    for (char& c : text) {
        if (c == '\n' || c == '\t') c = ' ';
    }
    return text;
}

Field text_field(const char* name, std::string ServiceState::*field) {
    return {name, [field](const ServiceState& state) { return on_one_line(state.*field); },
            [field](ServiceState& state, const std::string& text) {
                state.*field = text;
                return true;
            }};
}

Field number_field(const char* name, std::uint64_t ServiceState::*field) {
    return {name, [field](const ServiceState& state) { return std::to_string(state.*field); },
            [field](ServiceState& state, const std::string& text) {
                return read_number(state.*field, text);
            }};
}

bool read_lsn(Lsn& lsn, const std::string& text) {
    const auto parsed = Lsn::parse(text);
    if (parsed) lsn = *parsed;
    return parsed.has_value();
}

Field lsn_field(const char* name, Lsn ServiceState::*field) {
    return {name, [field](const ServiceState& state) { return (state.*field).to_string(); },
            [field](ServiceState& state, const std::string& text) {
                return read_lsn(state.*field, text);
            }};
}

Field seconds_until_full() {
    return {"seconds_until_full",
            [](const ServiceState& state) {
                return state.seconds_until_full ? std::to_string(*state.seconds_until_full) : "";
            },
            [](ServiceState& state, const std::string& text) {
                std::uint64_t seconds = 0;
                if (text.empty()) return true;
                if (!read_number(seconds, text)) return false;
                state.seconds_until_full = seconds;
                return true;
            }};
}

const std::vector<Field>& fields() {
    static const std::vector<Field> all = {
        text_field("source_state", &ServiceState::source_state),
        text_field("confirm", &ServiceState::confirm),
        number_field("retained_bytes", &ServiceState::retained_bytes),
        number_field("wal_budget", &ServiceState::wal_budget),
        lsn_field("log_end", &ServiceState::log_end),
        lsn_field("log_durable", &ServiceState::log_durable),
        number_field("log_memory_bytes", &ServiceState::log_memory_bytes),
        number_field("log_disk_bytes", &ServiceState::log_disk_bytes),
        number_field("log_bytes_max", &ServiceState::log_bytes_max),
        seconds_until_full(),
        text_field("disk_error", &ServiceState::disk_error),
    };
    return all;
}

bool read_target(ServiceState& state, const std::vector<std::string>& parts) {
    constexpr std::size_t kParts = 5;
    TargetState target;
    if (parts.size() != kParts || !read_lsn(target.applied_lsn, parts[3]) ||
        !read_number(target.waiting_bytes, parts[4]))
        return false;
    target.name = parts[1];
    target.state = parts[2];
    state.targets.push_back(std::move(target));
    return true;
}

bool read_line(ServiceState& state, const std::vector<std::string>& parts) {
    if (parts.front() == kTarget) return read_target(state, parts);
    for (const Field& field : fields()) {
        if (parts.front() == field.name) return parts.size() == 2 && field.read(state, parts[1]);
    }
    return true;
}

bool write_file(const fs::path& path, const std::string& text, int flags) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0600);
    if (fd < 0) return false;
    const auto size = static_cast<ssize_t>(text.size());
    const bool is_written = write(fd, text.data(), text.size()) == size && ftruncate(fd, size) == 0;
    return close(fd) == 0 && is_written;
}

// Where the disk is full, most file systems still let the blocks of a file be written again.
std::string padded(std::string text) {
    constexpr std::size_t kBlock = 4096;
    text.resize((text.size() + kBlock - 1) / kBlock * kBlock, '\n');
    return text;
}

}  // namespace

std::string service_state_text(const ServiceState& state) {
    std::string text;
    for (const Field& field : fields())
        text += fmt::format("{}\t{}\n", field.name, field.show(state));
    for (const TargetState& target : state.targets) {
        text += fmt::format("{}\t{}\t{}\t{}\t{}\n", kTarget, on_one_line(target.name),
                            on_one_line(target.state), target.applied_lsn.to_string(),
                            target.waiting_bytes);
    }
    return text;
}

std::optional<ServiceState> parse_service_state(const std::string& text) {
    ServiceState state;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!read_line(state, split(line, '\t'))) return std::nullopt;
    }
    return state;
}

bool write_service_state(const std::string& directory, const ServiceState& state) {
    const fs::path path = fs::path(directory) / kFile;
    fs::path unfinished = path;
    unfinished += ".new";
    const std::string text = padded(service_state_text(state));
    if (!write_file(unfinished, text, O_CREAT | O_TRUNC)) return write_file(path, text, 0);
    std::error_code error;
    fs::rename(unfinished, path, error);
    return !error;
}

std::optional<ReportedServiceState> read_service_state(const std::string& directory) {
    const fs::path path = fs::path(directory) / kFile;
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    std::ifstream file(path);
    if (error || !file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    auto state = parse_service_state(text.str());
    if (!state) return std::nullopt;
    const std::chrono::duration<double> age = fs::file_time_type::clock::now() - written;
    return ReportedServiceState{std::move(*state), age.count()};
}

}  // namespace walpack
