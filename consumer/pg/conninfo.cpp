#include "pg/conninfo.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>

#include "base/error.h"
#include "base/split.h"

namespace walpack {
namespace {

constexpr std::array kSecrets = {"password", "sslpassword", "scram_client_key", "scram_server_key",
                                 "oauth_client_secret"};

}  // namespace

Conninfo Conninfo::parse(const std::string& text) {
    char* error = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
        PQconninfoParse(text.c_str(), &error), PQconninfoFree);
    // libpq's message can repeat a part of the text, which may be the password: it is dropped.
    if (error != nullptr) PQfreemem(error);
    if (!options) {
        throw Error(ErrorKind::config, "the connection string is not valid")
            .hint(
                "Write it as keyword=value pairs or as a postgresql:// URI; values with blanks go "
                "in single quotes.");
    }
    Conninfo conninfo;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) conninfo.keywords_[option->keyword] = option->val;
    }
    return conninfo;
}

bool Conninfo::has_secret() const {
    return std::ranges::any_of(kSecrets,
                               [this](const char* secret) { return keywords_.contains(secret); });
}

void Conninfo::set_default(const std::string& keyword, const std::string& value) {
    keywords_.try_emplace(keyword, value);
}

void Conninfo::set(const std::string& keyword, const std::string& value) {
    keywords_[keyword] = value;
}

bool Conninfo::leave_out_through(std::string_view host, std::string_view port) {
    std::map<std::string, std::vector<std::string>> lists;
    std::size_t count = 0;
    for (const char* keyword : {"host", "hostaddr", "port"}) {
        const auto found = keywords_.find(keyword);
        if (found == keywords_.end()) continue;
        lists[keyword] = split(found->second, ',');
        count = std::max(count, lists[keyword].size());
    }
    // One port is that of all; hosts have as many addresses, or none.
    const auto value = [&lists](const char* keyword, std::size_t place) {
        const std::vector<std::string>& list = lists[keyword];
        return list.size() == 1 && std::string_view(keyword) == "port" ? list.front()
               : place < list.size()                                   ? list[place]
                                                                       : std::string();
    };
    for (std::size_t place = 0; place + 1 < count; ++place) {
        const bool is_host = value("host", place) == host || value("hostaddr", place) == host;
        const std::string its_port = value("port", place);
        if (!is_host || (its_port != port && !its_port.empty())) continue;
        for (auto& [keyword, list] : lists) {
            if (list.size() < count) continue;
            list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(place) + 1);
            keywords_[keyword] = fmt::format("{}", fmt::join(list, ","));
        }
        return true;
    }
    return false;
}

std::string Conninfo::describe() const {
    std::string out;
    for (const char* keyword : {"service", "host", "hostaddr", "port", "dbname", "user"}) {
        const auto found = keywords_.find(keyword);
        if (found == keywords_.end()) continue;
        // A dbname may itself be a connection string with a password in it.
        const bool nested = found->second.find_first_of("=:") != std::string::npos &&
                            std::string(keyword) == "dbname";
        out +=
            fmt::format("{}{}={}", out.empty() ? "" : " ", keyword, nested ? "..." : found->second);
    }
    return out.empty() ? "libpq defaults" : out;
}

}  // namespace walpack
