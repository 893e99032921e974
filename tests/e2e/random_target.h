// One of several targets of a random test: a database of its own, a line to it, and settings of its
// own by the seed.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/proxy.h"
#include "support/random.h"
#include "support/scenario.h"
#include "support/small_disk.h"

namespace walpack::e2e {

// What stays as it is for a whole test.
struct TargetTraits {
    bool quarantines = false;  // on_error
    bool source_wins = false;  // in conflicts of table stock, so that its rows may change locally
    bool holds = false;        // transactions of more than kHeldRows
    std::set<std::string> lacks;  // tables that are not selected, as SQL names without schema
    // What is done about rows of table refused that the target never takes.
    enum class OfRefused { skip_transaction, discard, keep } of_refused = OfRefused::discard;
};

// Of three, so that each trait is there.
std::vector<TargetTraits> random_traits(Random& random);

class RandomTarget {
  public:
    static constexpr int kHeldRows = 3000;

    // Makes the database, which goes with this object.
    RandomTarget(std::string name, std::string database, TargetTraits traits);
    ~RandomTarget();
    RandomTarget(const RandomTarget&) = delete;
    RandomTarget& operator=(const RandomTarget&) = delete;

    const std::string& name() const { return name_; }
    const TargetTraits& traits() const { return traits_; }
    bool has(const std::string& table) const { return !traits_.lacks.contains(table); }
    Proxy& line() { return line_; }
    // As superuser, past the line; waits for no lock for long.
    Session& session() { return session_; }
    // The same in another database of the server.
    Session& admin() { return admin_; }
    const std::string& database() const { return database_; }
    std::string conninfo() const;

    // What may change between two starts, and by SIGHUP.
    void choose_settings(Random& random);
    // Its [[target]].
    std::string entry() const;

    // From then on table narrow lies on it.
    void set_disk(SmallDisk& disk);
    SmallDisk* disk() const { return disk_; }

    bool is_copied(const std::string& pipeline);
    // Some table, perhaps once more.
    bool is_being_copied();
    // After the initial copy: what makes the target refuse rows; from now on the sum is watched.
    void settle();
    bool is_settled() const { return is_settled_; }
    // Everything but the database goes; what the watcher saw, if that was wrong.
    std::optional<std::string> clear();
    std::optional<std::string> stop_watching();
    std::int64_t times_right() const;

    // Of the tables that it has.
    std::string difference_from(Session& source);
    // What walpack drop should have removed.
    std::string left_behind();

  private:
    std::string name_;
    std::string database_;
    TargetTraits traits_;
    Proxy line_;
    Session admin_;
    Session session_;
    std::string settings_;
    SmallDisk* disk_ = nullptr;
    bool is_settled_ = false;
    std::unique_ptr<Watcher> watcher_;
    std::int64_t times_right_ = 0;
};

}  // namespace walpack::e2e
