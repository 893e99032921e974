#include "pg/conninfo_origin.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"

namespace walpack {
namespace {

std::string value_of(const Conninfo& conninfo, const std::string& keyword) {
    const auto found = conninfo.keywords().find(keyword);
    return found == conninfo.keywords().end() ? "" : found->second;
}

bool is_same(const Conninfo& one, const Conninfo& other,
             std::initializer_list<const char*> keywords) {
    for (const char* keyword : keywords)
        if (value_of(one, keyword) != value_of(other, keyword)) return false;
    return true;
}

// A service may name the database, and without either it is called as the role.
bool is_same_database(const Conninfo& one, const Conninfo& other) {
    if (!is_same(one, other, {"dbname", "service", "servicefile"})) return false;
    const bool is_named = !value_of(one, "dbname").empty() || !value_of(one, "service").empty();
    return is_named || is_same(one, other, {"user"});
}

bool is_same_server(const Conninfo& one, const Conninfo& other) {
    return is_same(one, other, {"host", "hostaddr", "port"});
}

}  // namespace

ConninfoOrigin::ConninfoOrigin(std::string key, Conninfo first, std::function<Conninfo()> read)
    : key_(std::move(key)), first_(std::move(first)), read_(std::move(read)), latest_(first_) {}

Conninfo ConninfoOrigin::latest(const Conninfo& conninfo) const {
    const std::lock_guard lock(mutex_);
    if (latest_.keywords() == first_.keywords()) return conninfo;
    Conninfo latest = latest_;
    for (const auto& [keyword, value] : conninfo.keywords()) {
        const auto first = first_.keywords().find(keyword);
        const bool was_set = first == first_.keywords().end() || first->second != value;
        if (was_set) latest.set(keyword, value);
    }
    return latest;
}

void ConninfoOrigin::read_again() {
    const std::lock_guard lock(mutex_);
    try {
        take_up(read_());
    } catch (const Error& error) {
        warn(fmt::format("\"{}\" could not be read again, it stays as it was: {}", key_,
                         error.report()));
    }
}

void ConninfoOrigin::take_up(const Conninfo& written) {
    if (written.keywords() == latest_.keywords()) return;
    if (!is_same_database(written, first_))
        return warn(
            fmt::format("\"{}\" names another database now, which needs a restart; it stays as it "
                        "was",
                        key_));
    if (!system_ && !is_same_server(written, first_))
        return warn(fmt::format(
            "\"{}\" names another server now, which needs a restart; it stays as it was", key_));
    latest_ = written;
    warned_of_.clear();
    log::info("\"{}\" is another one in the configuration now: {}", key_, latest_.describe());
}

void ConninfoOrigin::warn(const std::string& text) {
    if (std::exchange(warned_of_, text) != text) log::warning("{}", text);
}

void ConninfoOrigin::expect_system(std::uint64_t identifier) {
    const std::lock_guard lock(mutex_);
    system_ = identifier;
}

void ConninfoOrigin::require_system(std::uint64_t identifier) const {
    const std::lock_guard lock(mutex_);
    if (!system_ || *system_ == identifier) return;
    throw Error(ErrorKind::config, fmt::format("\"{}\" names a server of another system now", key_))
        .detail(fmt::format("Its system identifier is {}, the pipeline is of {}.", identifier,
                            *system_))
        .hint("Correct the configuration file.");
}

void ConninfoOrigin::distrust_first() {
    const std::lock_guard lock(mutex_);
    is_distrusted_ = true;
}

bool ConninfoOrigin::must_be_looked_at() const {
    const std::lock_guard lock(mutex_);
    return system_ && (is_distrusted_ || !is_same_server(latest_, first_));
}

}  // namespace walpack
