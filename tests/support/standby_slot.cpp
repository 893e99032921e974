#include "support/standby_slot.h"

#include <filesystem>
#include <stdexcept>

#include <pwd.h>
#include <unistd.h>

#include "support/session.h"

namespace walpack::e2e {
namespace {

namespace fs = std::filesystem;

void give(const fs::path& path, const passwd& user) {
    if (chown(path.c_str(), user.pw_uid, user.pw_gid) != 0)
        throw std::runtime_error("cannot give " + path.string() + " to the server");
}

}  // namespace

void carry_slot_over(const Cluster& primary, Cluster& standby, const std::string& slot) {
    Session(primary.conninfo("postgres")).execute("CHECKPOINT");  // writes the slot's state
    standby.stop("fast");
    const fs::path to = fs::path(standby.folder()) / "data/pg_replslot" / slot;
    fs::copy(fs::path(primary.folder()) / "data/pg_replslot" / slot, to,
             fs::copy_options::recursive);
    const passwd* server = getpwnam("postgres");
    if (geteuid() != 0 || server == nullptr) return;
    give(to, *server);
    for (const auto& entry : fs::directory_iterator(to)) give(entry.path(), *server);
}

}  // namespace walpack::e2e
