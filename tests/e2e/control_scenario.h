// What tests of skipped and held transactions stand on: a table, and a second slot of the source
// that says where its transactions commit and end.
#pragma once

#include <string>
#include <vector>

#include "support/scenario.h"

namespace walpack::e2e {

struct Place {
    std::string commit_lsn;
    std::string end_lsn;
};

class ControlScenario : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int)");
        source().execute("CREATE EXTENSION walpack");
    }

    void start() {
        consumer().init();
        source().execute("SELECT pg_create_logical_replication_slot('places_" + pipeline() +
                         "', 'walpack')");
        consumer().start();
        wait_until_copied();
        catch_up();
    }

    // Of the source transactions that committed so far, in their order.
    std::vector<Place> places() {
        std::vector<Place> places;
        for (const Row& row : source().rows(
                 "SELECT record->>'commit_lsn', record->>'end_lsn' FROM walpack.peek_changes("
                 "'places_" +
                 pipeline() + "', NULL, NULL, 'publication_names', 'walpack_" + pipeline() +
                 "') WHERE record->>'record' = 'commit'")) {
            places.push_back({row[0].value(), row[1].value()});
        }
        return places;
    }
    // Commits it, as one transaction.
    Place place_of(const std::string& sql) {
        source().execute(sql);
        return places().back();
    }

    Finished skip(const std::string& lsn) { return consumer().command("skip", {"--lsn", lsn}); }
    void expect_skip(const std::string& lsn) {
        const Finished finished = skip(lsn);
        EXPECT_EQ(finished.status, 0) << finished.output;
    }
    void expect_release(const std::vector<std::string>& flags = {}) {
        const Finished finished = consumer().command("release", flags);
        EXPECT_EQ(finished.status, 0) << finished.output;
    }
    void expect_refused(const Finished& finished, const std::string& part) {
        EXPECT_EQ(finished.status, 2) << finished.output;
        EXPECT_TRUE(contains(finished.output, part));
    }

    std::string requests() {
        return target().value(
            "SELECT string_agg(concat_ws(' ', kind, state, rows, tables), ', ' ORDER BY kind DESC, "
            "lsn) FROM walpack.request");
    }
    std::string rows(const std::string& condition) {
        return target().value("SELECT count(*) FROM t WHERE " + condition);
    }

    void wait_until_held(const Place& place) {
        wait_until("the transaction is held", seconds(30), [&] {
            if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
            return target().value(
                       "SELECT commit_lsn FROM walpack.held_transaction WHERE is_counted") ==
                   place.commit_lsn;
        });
    }
};

}  // namespace walpack::e2e
