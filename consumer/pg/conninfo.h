// A libpq connection string, parsed. Service files, .pgpass, PG* variables and URIs work as libpq
// defines them.
//
// The text may hold a password; describe() never shows one, and nothing else of it may be printed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace walpack {

class ConninfoOrigin;

class Conninfo {
  public:
    Conninfo() = default;
    // Throws Error(config) when libpq cannot parse the text; the message does not repeat it.
    static Conninfo parse(const std::string& text);

    // Whether the text itself carries a password or a key's passphrase.
    bool has_secret() const;
    // Sets a keyword unless the text already gives it.
    void set_default(const std::string& keyword, const std::string& value);
    void set(const std::string& keyword, const std::string& value);
    // Of several hosts leaves out those up to the one of that name and port, as libpq tells of it.
    // False when it is the last of them, or none.
    [[nodiscard]] bool leave_out_through(std::string_view host, std::string_view port);
    // Host, port, database and user that libpq would use where they are known: for logs.
    std::string describe() const;
    const std::map<std::string, std::string>& keywords() const { return keywords_; }

    // Where it was read and can be read again; nullptr when nowhere.
    void set_origin(std::shared_ptr<ConninfoOrigin> origin) { origin_ = std::move(origin); }
    const std::shared_ptr<ConninfoOrigin>& origin() const { return origin_; }

  private:
    std::shared_ptr<ConninfoOrigin> origin_;
    std::map<std::string, std::string> keywords_;
};

}  // namespace walpack
