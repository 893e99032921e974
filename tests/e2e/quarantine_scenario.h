// What tests of the quarantine stand on: what is held, the command about it, and the end of each:
// after a retry of everything both sides are equal.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/scenario.h"

namespace walpack::e2e {

class QuarantineScenario : public Scenario {
  protected:
    explicit QuarantineScenario(DatabaseOptions options = {}) : Scenario(std::move(options)) {}

    void SetUp() override {
        Scenario::SetUp();
        consumer().set("on_error", toml_text("quarantine"));
    }

    void start() {
        consumer().init();
        consumer().start();
    }
    // Of the rows in quarantine, which the target must have a table for by now.
    std::string held(const std::string& what = "count(*)") {
        return target().value("SELECT " + what + " FROM walpack.quarantine");
    }
    // Ids that the rows wait for, in order.
    std::string behind() {
        return held("string_agg(COALESCE(behind::text, '-'), ' ' ORDER BY id)");
    }
    void wait_until_some_are_held() {
        wait_until("rows are held", seconds(30), [&] {
            return target().value("SELECT to_regclass('walpack.quarantine')") != "" &&
                   held() != "0";
        });
    }
    Finished quarantine(const std::vector<std::string>& arguments) {
        return consumer().command("quarantine", arguments);
    }
    void expect_all_retried() {
        const Finished retried = quarantine({"retry", "--all"});
        EXPECT_EQ(retried.status, 0) << retried.output;
        EXPECT_EQ(held(), "0");
        expect_equal();
    }
    void expect_running() { EXPECT_TRUE(consumer().is_running()) << consumer().log(); }
};

}  // namespace walpack::e2e
