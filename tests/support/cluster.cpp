#include "support/cluster.h"

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "support/child.h"
#include "support/scratch.h"
#include "support/session.h"

namespace walpack::e2e {

Cluster::Cluster(const std::string& name, const std::vector<std::string>& conf)
    : folder_(scratch_folder() + "/" + name) {
    std::vector<std::string> arguments = {"start"};
    arguments.insert(arguments.end(), conf.begin(), conf.end());
    run_script(arguments);
    port_ = std::atoi(read_file(folder_ + "/port").c_str());
}

Cluster::Cluster(const std::string& name, const Cluster& primary)
    : folder_(scratch_folder() + "/" + name) {
    run_script({"standby", primary.folder()});
    port_ = std::atoi(read_file(folder_ + "/port").c_str());
}

Cluster::~Cluster() {
    try {
        run_script({"destroy"});
    } catch (const std::exception&) {
        // The watcher of the scratch folder tries again.
    }
}

void Cluster::run_script(const std::vector<std::string>& arguments) {
    Command command{{"bash", WALPACK_SOURCE_DIR "/.ci/server.sh", arguments[0], folder_}, {}};
    command.arguments.insert(command.arguments.end(), arguments.begin() + 1, arguments.end());
    const Finished finished = run_command(command, seconds(120));
    if (finished.status != 0) {
        throw std::runtime_error("server.sh " + arguments[0] + " failed:\n" + finished.output);
    }
}

void Cluster::start() {
    run_script({"start"});
}
void Cluster::stop(const std::string& mode) {
    run_script({"stop", mode});
}
void Cluster::crash() {
    run_script({"crash"});
}

std::string Cluster::conninfo(const std::string& database) const {
    return "host=" + folder_ + " port=" + std::to_string(port_) +
           " user=postgres dbname=" + database;
}

std::string Cluster::log() const {
    return read_file(folder_ + "/log");
}

namespace {

std::unique_ptr<Cluster>& shared(bool is_source) {
    static std::unique_ptr<Cluster> clusters[2];
    return clusters[is_source ? 0 : 1];
}

Cluster& shared_cluster(bool is_source) {
    std::unique_ptr<Cluster>& cluster = shared(is_source);
    if (!cluster) cluster = std::make_unique<Cluster>(is_source ? "source" : "target");
    return *cluster;
}

}  // namespace

Cluster& source_cluster() {
    return shared_cluster(true);
}
Cluster& target_cluster() {
    return shared_cluster(false);
}

void visit_shared_clusters(const std::function<void(const Cluster&)>& visit) {
    for (const bool is_source : {true, false}) {
        if (const Cluster* cluster = shared(is_source).get()) visit(*cluster);
    }
}

void destroy_shared_clusters() {
    shared(true).reset();
    shared(false).reset();
}

}  // namespace walpack::e2e
