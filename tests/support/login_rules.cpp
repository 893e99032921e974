#include "support/login_rules.h"

#include <filesystem>
#include <fstream>

#include "support/child.h"
#include "support/session.h"
#include "support/wait.h"

namespace walpack::e2e {

void add_login_rule(const Cluster& cluster, const std::string& line) {
    const std::string path = cluster.folder() + "/data/pg_hba.conf";
    const std::string rules = read_file(path);
    if (rules.find(line) != std::string::npos) return;
    // At once: the server may be reading it still, as it tells sessions of a reload before it does.
    std::ofstream(path + ".new", std::ios::trunc) << line << "\n" << rules;
    std::filesystem::rename(path + ".new", path);
    const std::string loaded = "SELECT pg_conf_load_time()";
    Session admin(cluster.conninfo("postgres"));
    const std::string before = admin.value(loaded);
    admin.execute("SELECT pg_reload_conf()");
    wait_until("the rule is in force", seconds(10), [&] { return admin.value(loaded) != before; });
}

void demand_password(const Cluster& cluster, const std::string& role) {
    add_login_rule(cluster, "host all " + role + " 127.0.0.1/32 scram-sha-256");
    wait_until("the password is asked for", seconds(10), [&] {
        Session other("host=127.0.0.1 port=" + std::to_string(cluster.port()) + " user=" + role +
                      " dbname=postgres password=wrong");
        return !other.try_execute("SELECT 1");
    });
}

}  // namespace walpack::e2e
