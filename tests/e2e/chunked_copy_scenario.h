// Tables of many tiny chunks, and sessions that move rows among them while they are copied.
#pragma once

#include <string>
#include <vector>

#include "row_movers.h"
#include "support/loaded_chunks.h"
#include "support/scenario.h"

namespace walpack::e2e {

inline constexpr int kRows = 4000;
inline const std::vector<std::string> kTables = {"by_int",    "by_uuid", "by_numeric", "by_pair",
                                                 "by_tenant", "full",    "keyless"};

class ChunkedCopy : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE by_int (id bigint PRIMARY KEY, n int, big text); "
            "ALTER TABLE by_int ALTER big SET STORAGE EXTERNAL; "
            "CREATE TABLE by_uuid (id uuid PRIMARY KEY, n int, big text); "
            "CREATE TABLE by_numeric (id numeric PRIMARY KEY, n int, big text); "
            "CREATE TABLE by_pair (id int, part int, n int, big text, PRIMARY KEY (id, part)); "
            "CREATE TABLE by_tenant (id int, n int, big text, tenant int DEFAULT 1, "
            "PRIMARY KEY (tenant, id)); "
            "CREATE TABLE \"full\" (id int PRIMARY KEY, n int, big text); "
            "ALTER TABLE \"full\" REPLICA IDENTITY FULL; "
            "CREATE TABLE keyless (id int, n int, big text); "
            "ALTER TABLE keyless REPLICA IDENTITY FULL");
        const std::string rows = std::to_string(kRows);
        const std::string big = kToasted;
        source().execute(
            "INSERT INTO by_int SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " + big +
            " ELSE repeat('x', 100) END FROM generate_series(1, " + rows +
            ") g; "
            "INSERT INTO by_uuid SELECT md5(g::text)::uuid, g, repeat('y', 100) "
            "FROM generate_series(1, " +
            rows +
            ") g; "
            "INSERT INTO by_numeric SELECT g * 10.00, g, repeat('n', 100) "
            "FROM generate_series(1, " +
            rows +
            ") g; "
            "INSERT INTO by_pair SELECT g / 4, g % 4, g, repeat('z', 100) "
            "FROM generate_series(1, " +
            rows +
            ") g; "
            "INSERT INTO by_tenant SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " +
            big + " ELSE repeat('t', 100) END, g % 3 FROM generate_series(1, " + rows +
            ") g; "
            "INSERT INTO \"full\" SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " +
            big + " END FROM generate_series(1, " + rows +
            ") g; "
            "INSERT INTO keyless SELECT g, g, repeat('k', 100) FROM generate_series(1, " +
            rows + ") g; ANALYZE");
        consumer().set("copy_chunk_bytes", "65536");
    }
};

}  // namespace walpack::e2e
