// Statements that a session keeps: prepared at the first use, for any parameters.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "pg/connection.h"
#include "support/cluster.h"

namespace walpack::e2e {
namespace {

TEST(KeptStatements, ServeAnyParametersAlsoBehindAnError) {
    const StopRequest stop;
    Connection connection(Conninfo::parse(target_cluster().conninfo("postgres")), stop, "test");
    connection.keep_statements();
    const std::string sql = "SELECT 6 / $1::pg_catalog.int4";
    EXPECT_EQ(connection.query_value(sql, {"2"}), "3");
    EXPECT_EQ(connection.query_value(sql, {"3"}), "2");
    EXPECT_EQ(connection.query_value(sql, {std::nullopt}), std::nullopt);
    connection.execute("BEGIN");
    EXPECT_THROW(connection.query_value(sql, {"0"}), Error);
    connection.execute("ROLLBACK");
    EXPECT_THROW(connection.query_value("SELECT $1 FROM nowhere", {"1"}), Error);
    EXPECT_EQ(connection.query_value(sql, {"6"}), "1");
    EXPECT_EQ(
        connection.query_value("SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements"),
        "1");
}

}  // namespace
}  // namespace walpack::e2e
