// Certificates for TLS, made by openssl: an authority, and what it has signed.
#pragma once

#include <string>

namespace walpack::e2e {

// PEM files; the key can be read by its owner only.
struct Certificate {
    std::string file;
    std::string key;
};

class Authority {
  public:
    explicit Authority(const std::string& name);

    // Its own certificate, which others trust.
    const std::string& file() const { return own_.file; }

    struct Request {
        std::string common_name;
        std::string alternative_names;  // such as DNS:localhost,IP:127.0.0.1; none when empty
        bool is_expired = false;
    };
    Certificate sign(const Request& request) const;

  private:
    Certificate own_;
};

}  // namespace walpack::e2e
