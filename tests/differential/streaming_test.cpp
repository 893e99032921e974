// Transactions that walpack sends before they end, against pgoutput that waits for their commit;
// and messages that are compressed.
#include "differential/differential.h"

namespace walpack::differential {
namespace {

class DifferentialStreaming : public Differential {
  protected:
    void SetUp() override {
        Differential::SetUp();
        source().execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text);"
            "CREATE TABLE u (id int PRIMARY KEY, v text);"
            "CREATE PUBLICATION p FOR ALL TABLES");
    }

    // Enough for several blocks.
    void insert_many(Session& session, int first, const std::string& table = "t") {
        session.execute("INSERT INTO " + table + " SELECT g, repeat('v', g % 90) FROM" +
                        " generate_series(" + std::to_string(first) + ", " +
                        std::to_string(first + 999) + ") g");
    }

    // As an SQL function and a walsender stream; in one block at least, or nothing was tested.
    Decoded expect_same_streamed(const std::vector<std::string>& publications = {"p"}) {
        Reading reading = streamed(publications);
        EXPECT_GT(read_walpack(reading).blocks, 0U);
        expect_same(reading);
        reading.walpack_options["frame_bytes"] = "200";
        reading.walpack_options["compression"] = "lz4";
        expect_same(reading);
        reading.over_replication = true;
        return expect_same(reading);
    }
};

TEST_F(DifferentialStreaming, TransactionsThatRunSideBySideComeInCommitOrder) {
    start_decoding();
    Session one(conninfo());
    Session two(conninfo());
    one.execute("BEGIN");
    two.execute("BEGIN");
    insert_many(one, 1);
    insert_many(two, 2001);
    source().execute("INSERT INTO t VALUES (0, 'small')");
    insert_many(one, 5001);
    two.execute("SELECT pg_logical_emit_message(false, 'between', 'blocks')");
    insert_many(two, 7001);
    two.execute("DELETE FROM t WHERE id > 7500; COMMIT");
    one.execute("COMMIT");
    EXPECT_EQ(count_changes(expect_same_streamed()), 4000U + 2U + 500U);
}

TEST_F(DifferentialStreaming, RolledBackSubtransactionsLeaveNothing) {
    start_decoding();
    source().execute("BEGIN");
    insert_many(source(), 1);
    source().execute("SAVEPOINT a");
    insert_many(source(), 2001);
    source().execute("SAVEPOINT b");
    insert_many(source(), 4001);
    source().execute("RELEASE b; SAVEPOINT c");
    insert_many(source(), 6001);
    source().execute("ROLLBACK TO c; INSERT INTO t VALUES (9000, 'in a'); ROLLBACK TO a");
    insert_many(source(), 2001);
    source().execute("SAVEPOINT d; UPDATE t SET v = 'd' WHERE id < 400; RELEASE d; COMMIT");
    EXPECT_EQ(count_changes(expect_same_streamed()), 2000U + 399U);
}

TEST_F(DifferentialStreaming, ARolledBackTransactionLeavesNothing) {
    start_decoding();
    Session other(conninfo());
    other.execute("BEGIN; SAVEPOINT s");
    insert_many(other, 1);
    other.execute("RELEASE s");
    insert_many(other, 2001);
    insert_many(source(), 10001);
    other.execute("ROLLBACK");
    insert_many(source(), 1);
    EXPECT_EQ(count_changes(expect_same_streamed()), 2000U);
}

TEST_F(DifferentialStreaming, DefinitionsThatChangeInsideAreThoseOfTheChange) {
    start_decoding();
    source().execute("BEGIN");
    insert_many(source(), 1);
    source().execute("ALTER TABLE t ADD w int DEFAULT 3; SAVEPOINT s");
    insert_many(source(), 2001, "t (id, v)");
    source().execute(
        "ALTER TABLE t DROP v, ADD x text; INSERT INTO t SELECT g, g, 'x'"
        " FROM generate_series(3001, 4000) g; ROLLBACK TO s");
    insert_many(source(), 2001, "t (id, v)");
    source().execute("CREATE TABLE made (id int PRIMARY KEY, v text)");
    insert_many(source(), 1, "made");
    source().execute("ALTER TABLE made RENAME TO named; TRUNCATE named, u; COMMIT");
    source().execute("INSERT INTO named VALUES (1, 'after')");
    insert_many(source(), 5001, "t (id, v)");
    expect_same_streamed();
}

TEST_F(DifferentialStreaming, ToastIsPutTogetherAcrossBlocks) {
    source().execute("ALTER TABLE t ALTER v SET STORAGE external");
    start_decoding();
    source().execute(
        "BEGIN; INSERT INTO t SELECT g, repeat(md5(g::text), 3000)"
        " FROM generate_series(1, 20) g; UPDATE t SET id = id + 100;"
        "UPDATE t SET v = v || 'x' WHERE id > 110; SAVEPOINT s;"
        "UPDATE t SET v = 'short'; ROLLBACK TO s; DELETE FROM t WHERE id < 110;"
        "COMMIT");
    expect_same_streamed();
}

TEST_F(DifferentialStreaming, FilteredRowsAreFilteredInBlocksToo) {
    if (server_version() < 150000) GTEST_SKIP() << "row filters came with version 15";
    source().execute("CREATE PUBLICATION q FOR TABLE t (id) WHERE (id % 3 = 0)");
    source().execute("CREATE PUBLICATION nothing FOR TABLE t WHERE (id < 0)");
    start_decoding();
    source().execute("BEGIN");
    insert_many(source(), 1);
    source().execute(
        "SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; ALTER PUBLICATION q SET TABLE t"
        " WHERE (id % 7 = 0)");
    insert_many(source(), 2001);
    source().execute("COMMIT");
    expect_same_streamed({"q"});
    expect_same(streamed({"nothing"}));
}

TEST_F(DifferentialStreaming, CompressedMessagesSayTheSame) {
    start_decoding();
    insert_many(source(), 1);
    source().execute(
        "INSERT INTO u SELECT 1, string_agg(md5(g::text), '')"
        " FROM generate_series(1, 9000) g");
    source().execute(
        "INSERT INTO u VALUES (2, 'small'); SELECT pg_logical_emit_message(false,"
        " 'long', repeat('m', 100000))");
    const std::size_t plain = read_walpack({}).bytes;
    for (const char* const method : {"lz4", "zstd"}) {
        for (const char* const frame : {"64", "5000", "16777216"}) {
            Reading reading;
            reading.walpack_options = {{"compression", method}, {"frame_bytes", frame}};
            expect_same(reading);
        }
        EXPECT_LT(read_walpack({.walpack_options = {{"compression", method}}}).bytes, plain);
    }
}

// The block with the message is sent before the savepoint is rolled back.
TEST_F(DifferentialStreaming, AMessageOfARolledBackSubtransactionIsGone) {
    start_decoding();
    source().execute(
        "BEGIN; INSERT INTO u VALUES (1); SAVEPOINT s;"
        "SELECT pg_logical_emit_message(true, 'm', 'gone')");
    insert_many(source(), 1);
    source().execute("ROLLBACK TO s; SELECT pg_logical_emit_message(true, 'm', 'stays')");
    insert_many(source(), 2001);
    source().execute("COMMIT");
    EXPECT_EQ(count_changes(expect_same_streamed()), 1002U);
}

// A server without two-phase decoding in the slot sends these at COMMIT PREPARED.
TEST_F(DifferentialStreaming, PreparedTransactionsComeWhenTheyAreCommitted) {
    start_decoding();
    source().execute("BEGIN");
    insert_many(source(), 1);
    source().execute("PREPARE TRANSACTION 'one'");
    source().execute("BEGIN; INSERT INTO u VALUES (1, 'gone'); PREPARE TRANSACTION 'two'");
    source().execute("INSERT INTO u VALUES (2, 'first')");
    source().execute("COMMIT PREPARED 'one'");
    source().execute("ROLLBACK PREPARED 'two'");
    EXPECT_EQ(count_changes(expect_same_streamed()), 1001U);
}

}  // namespace
}  // namespace walpack::differential
