// Tables t and keyless, 5 MB, which are copied in small parts.
#pragma once

#include "support/loaded_chunks.h"
#include "support/scenario.h"
#include "support/writers.h"

namespace walpack::e2e {

class CopyCareScenario : public Scenario {
  protected:
    static constexpr int kRows = 20'000;

    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE t (id int PRIMARY KEY, n int, v text); "
            "CREATE TABLE keyless (id int, n int, v text); "
            "ALTER TABLE keyless REPLICA IDENTITY FULL");
        const std::string rows = std::to_string(kRows);
        source().execute("INSERT INTO t SELECT g, 0, repeat('t', 200) FROM generate_series(1, " +
                         rows +
                         ") g; INSERT INTO keyless SELECT g, 0, repeat('k', 200) FROM "
                         "generate_series(1, " +
                         rows + " / 5) g; ANALYZE");
        consumer().set("copy_chunk_bytes", "\"256kB\"");
        consumer().set("retry_delay_min", "\"50ms\"");
    }

    static std::string change(Random& random) {
        const std::string id = std::to_string(random.between(1, kRows));
        switch (random.between(0, 3)) {
            case 0:
                return "UPDATE t SET id = " + std::to_string(random.between(1, 2 * kRows)) +
                       " WHERE id = " + id;
            case 1:
                return "DELETE FROM t WHERE id = " + id;
            case 2:
                return "UPDATE keyless SET n = n + 1 WHERE id = " + id;
            default:
                return "UPDATE t SET n = n + 1 WHERE id = " + id;
        }
    }
};

}  // namespace walpack::e2e
