// The server's own text of a value in binary form: for types whose text the consumer does not make.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct pg_conn;

namespace walpack::differential {

class ServerText {
  public:
    // The settings are those that text of pgoutput is made under (kTextSettings).
    explicit ServerText(std::string conninfo);
    ~ServerText();
    ServerText(const ServerText&) = delete;
    ServerText& operator=(const ServerText&) = delete;

    // What the type's output function makes of what its receive function reads. Asked once per
    // value.
    const std::string& of(std::uint32_t type_oid, const std::string& send_form);

  private:
    void connect();

    std::string conninfo_;
    pg_conn* connection_ = nullptr;
    std::map<std::pair<std::uint32_t, std::string>, std::string> known_;
};

// Of a session whose text is compared: what docs/protocol.md promises for text on the wire.
inline constexpr const char* kTextSettings =
    "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; "
    "SET bytea_output = 'hex'; SET TimeZone = 'UTC'; SET search_path = ''";

}  // namespace walpack::differential
