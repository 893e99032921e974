// Scenarios about catching up: transactions are written while the consumer is away, so that it
// finds them all waiting and groups them as far as its settings allow.
#pragma once

#include <string>

#include "support/scenario.h"

namespace walpack::e2e {

class BacklogScenario : public Scenario {
  protected:
    // The initial copy is complete and the consumer away: what is written now is backlog.
    void copy_and_stop() {
        consumer().init();
        consumer().start();
        catch_up();
        stop();
    }
    void stop() { EXPECT_EQ(consumer().terminate(seconds(60)), 0) << "the consumer did not stop"; }

    // On the source, `sql` once for each number from `first` to `last`, which it finds in i; a
    // transaction each.
    void each_in_transaction(int first, int last, const std::string& sql) {
        source().execute("DO $each$ BEGIN FOR i IN " + std::to_string(first) + ".." +
                         std::to_string(last) + " LOOP " + sql + "; COMMIT; END LOOP; END $each$");
    }
    void each_in_transaction(int last, const std::string& sql) {
        each_in_transaction(1, last, sql);
    }

    void expect_caught_up(milliseconds limit = seconds(120)) {
        catch_up(limit);
        expect_equal();
    }
    // What was written meets the consumer as backlog, and arrives without an error on the way.
    void expect_backlog_arrives(milliseconds limit = seconds(120)) {
        consumer().clear_log();
        consumer().start();
        expect_caught_up(limit);
        EXPECT_FALSE(contains(consumer().log(), "row by row"));
        EXPECT_FALSE(contains(consumer().log(), "trying again"));
    }
};

}  // namespace walpack::e2e
