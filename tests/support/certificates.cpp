#include "support/certificates.h"

#include <fstream>
#include <stdexcept>
#include <vector>

#include <sys/stat.h>

#include "support/child.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const Finished finished = run_command({arguments, {}});
    if (finished.status != 0) throw std::runtime_error("openssl failed:\n" + finished.output);
}

std::string new_key() {
    const std::string key = new_scratch_path("key");
    openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key});
    chmod(key.c_str(), 0600);
    return key;
}

}  // namespace

Authority::Authority(const std::string& name) : own_{new_scratch_path("crt"), new_key()} {
    openssl({"req", "-x509", "-new", "-key", own_.key, "-subj", "/CN=" + name, "-days", "2", "-out",
             own_.file});
}

// An authority may date what it signs: so one that has expired needs no waiting.
Certificate Authority::sign(const Request& request) const {
    const Certificate signed_one{new_scratch_path("crt"), new_key()};
    const std::string asked = new_scratch_path("csr");
    openssl({"req", "-new", "-key", signed_one.key, "-subj", "/CN=" + request.common_name, "-out",
             asked});
    std::vector<std::string> arguments = {
        "x509",           "-req",   "-in",    asked,  "-CA",
        own_.file,        "-CAkey", own_.key, "-out", signed_one.file,
        "-CAcreateserial"};
    if (!request.alternative_names.empty()) {
        const std::string extensions = new_scratch_path("ext");
        std::ofstream(extensions) << "subjectAltName=" << request.alternative_names << "\n";
        arguments.insert(arguments.end(), {"-extfile", extensions});
    }
    const char* days = request.is_expired ? "-1" : "2";
    arguments.insert(arguments.end(), {"-days", days});
    openssl(arguments);
    return signed_one;
}

}  // namespace walpack::e2e
