// Random tables, publications and sessions; then the same WAL is read with many subsets of the
// publications and in every form that walpack can send.
//
// Rounds of some seconds, each by (seed, round): short by default, WALPACK_SOAK_SECONDS makes it
// long and WALPACK_ROUND starts at a later round. The statements of a round that fails are kept.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "differential/differential.h"
#include "differential/random_sessions.h"
#include "support/wait.h"

namespace walpack::differential {
namespace {

using e2e::Random;

constexpr int kSessions = 4;
constexpr int kSteps = 450;
constexpr int kTables = 7;
constexpr int kReadings = 12;

int number_from_environment(const char* name, int otherwise) {
    const char* given = std::getenv(name);
    return given != nullptr ? std::atoi(given) : otherwise;
}

class RandomDifferential : public Differential {
  protected:
    void make_objects(Random& random) {
        source().execute(
            "DROP SCHEMA IF EXISTS s1, s2, \"S 3\", renamed CASCADE;"
            "CREATE SCHEMA s1; CREATE SCHEMA s2; CREATE SCHEMA \"S 3\"");
        made_.clear();
        for (int number = 1; number <= kTables; ++number)
            (void)is_accepted(create_table("t" + std::to_string(number), random));
        const RandomPublications publications(server_version());
        const std::vector<Table> tables = tables_of(source());
        for (const std::string& name : RandomPublications::names()) {
            source().execute("DROP PUBLICATION IF EXISTS " + e2e::identifier(name));
            // A table named twice with a filter, and the like: try again.
            while (!is_accepted(publications.create(name, tables, random))) {
            }
        }
    }

    bool is_accepted(const std::string& sql) {
        try {
            source().execute(sql);
            made_ += sql + ";\n";
            return true;
        } catch (const e2e::SqlError& error) {
            if (error.sqlstate() == "42601" || error.is_lost_connection()) throw;
            return false;
        }
    }

    static Reading random_reading(int number, Random& random) {
        Reading reading{.publications = {}, .may_be_refused = true};
        const std::vector<std::string>& names = RandomPublications::names();
        if (number < static_cast<int>(names.size())) {
            reading.publications = {names[static_cast<std::size_t>(number)]};
        } else {
            for (const std::string& name : names)
                if (random.chance(0.4)) reading.publications.push_back(name);
            if (reading.publications.empty()) reading.publications = {random.pick(names)};
        }
        static const std::vector<std::string> frames = {"64", "300", "5000", "65536"};
        static const std::vector<std::string> methods = {"none", "none", "lz4", "zstd"};
        reading.walpack_options["frame_bytes"] = random.pick(frames);
        reading.walpack_options["compression"] = random.pick(methods);
        reading.over_replication = random.chance(0.2);
        if (random.chance(0.5)) {
            reading.walpack_options["streaming"] = "on";
            reading.settings["logical_decoding_work_mem"] = "64kB";
        }
        return reading;
    }

    // Of publications that ask for different columns of one table.
    static bool is_expected(const std::string& refusal) {
        return refusal.find("different column lists") != std::string::npos ||
               refusal.find("publish_generated_columns") != std::string::npos;
    }

    void compare(const Reading& reading) {
        const Outcome pgoutput = read_pgoutput(reading);
        const Outcome walpack = read_walpack(reading);
        if (!pgoutput.refusal.empty() || !walpack.refusal.empty()) {
            ++refused_readings_;
            // pgoutput of version 15 also refuses a list of all columns beside a dropped one.
            const bool may_accept = walpack.refusal.empty() && server_version() < 160000;
            EXPECT_TRUE(is_expected(pgoutput.refusal) &&
                        (may_accept || is_expected(walpack.refusal)))
                << reading.describe() << "\npgoutput: " << pgoutput.refusal
                << "\nwalpack: " << walpack.refusal;
            return;
        }
        const std::string report = difference(pgoutput.decoded, walpack.decoded);
        if (!report.empty()) {
            const Outcome plain = read_walpack({.publications = reading.publications});
            const bool is_plain_same = difference(pgoutput.decoded, plain.decoded).empty();
            ADD_FAILURE() << reading.describe() << "; without other options both are "
                          << (is_plain_same ? "the same\n" : "different too\n") << report;
        }
        changes_ += count_changes(walpack.decoded);
        blocks_ += walpack.blocks;
    }

    void run_round(int round, const std::string& origin) {
        Random random(static_cast<std::uint64_t>(round));
        make_objects(random);
        RandomSessions sessions(conninfo(), kSessions, server_version());
        start_decoding();
        sessions.set_origin(origin);
        sessions.run(kSteps, random);
        sessions.end_all();
        EXPECT_EQ(sessions.failure(), "");
        executed_ += sessions.executed();
        refused_ += sessions.refused();
        for (int number = 0; number < kReadings && !HasFailure(); ++number)
            compare(random_reading(number, random));
        if (HasFailure()) keep(round, made_ + sessions.log());
    }

    static void keep(int round, const std::string& log) {
        const auto path = std::filesystem::temp_directory_path() /
                          fmt::format("walpack_differential_{}_{}.sql", e2e::run_seed(), round);
        std::ofstream(path) << log;
        ADD_FAILURE() << "round " << round << " of seed " << e2e::run_seed()
                      << ": WALPACK_SEED=" << e2e::run_seed() << " WALPACK_ROUND=" << round
                      << ", statements in " << path.string();
    }

    std::string made_;  // the statements that made the objects of the round
    std::int64_t executed_ = 0;
    std::int64_t refused_ = 0;
    std::size_t changes_ = 0;
    std::size_t blocks_ = 0;
    int refused_readings_ = 0;
};

TEST_F(RandomDifferential, BothPluginsSayTheSameAboutRandomWorkloads) {
    const std::string origin = "walpack_differential_random";
    create_origin(origin);
    source().execute(kRandomTypes);
    const auto end =
        e2e::Clock::now() + e2e::seconds(number_from_environment("WALPACK_SOAK_SECONDS", 8));
    const int first = number_from_environment("WALPACK_ROUND", 0);
    int round = first;
    for (; !HasFailure() && (round == first || e2e::Clock::now() < end); ++round)
        run_round(round, origin);
    fmt::print(
        "{} rounds: {} statements, {} more refused; {} changes compared, {} blocks of "
        "streamed transactions, {} readings refused by both\n",
        round - first, executed_, refused_, changes_, blocks_, refused_readings_);
    EXPECT_GT(changes_, 0U);
}

}  // namespace
}  // namespace walpack::differential
