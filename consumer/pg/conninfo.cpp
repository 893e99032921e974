#include "pg/conninfo.h"

#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "base/error.h"

namespace walpack {

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
    return keywords_.contains("password") || keywords_.contains("sslpassword");
}

void Conninfo::set_default(const std::string& keyword, const std::string& value) {
    keywords_.try_emplace(keyword, value);
}

void Conninfo::set(const std::string& keyword, const std::string& value) {
    keywords_[keyword] = value;
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
