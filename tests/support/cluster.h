// A throw-away cluster, made and ended by .ci/server.sh.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace walpack::e2e {

class Cluster {
  public:
    // Makes and starts it. `conf` are lines of postgresql.conf.
    explicit Cluster(const std::string& name, const std::vector<std::string>& conf = {});
    // A physical standby of another one, up to its last commit.
    Cluster(const std::string& name, const Cluster& primary);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void start();                        // again; at the same port
    void stop(const std::string& mode);  // fast, immediate or smart
    // kill -9 of all its processes.
    void crash();

    // Over the unix socket, as superuser postgres.
    std::string conninfo(const std::string& database) const;
    const std::string& folder() const { return folder_; }
    int port() const { return port_; }  // also on 127.0.0.1
    std::string log() const;

  private:
    void run_script(const std::vector<std::string>& arguments);

    std::string folder_;
    int port_ = 0;
};

// The two clusters that most tests share, made on first use. A test that stopped one starts it
// again.
Cluster& source_cluster();
Cluster& target_cluster();
// Those of them that were made.
void visit_shared_clusters(const std::function<void(const Cluster&)>& visit);
void destroy_shared_clusters();

}  // namespace walpack::e2e
