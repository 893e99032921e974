// Foreign keys of single partitions of the target, while rows come as those of their root: what
// they refer to is waited for all the same.
#include "quarantine_scenario.h"

namespace walpack::e2e {
namespace {

class QuarantinePartitions : public QuarantineScenario {
  protected:
    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both(
            "CREATE TABLE users (id int PRIMARY KEY, v int); CREATE TABLE orders (id int PRIMARY "
            "KEY, user_id int, v int) PARTITION BY RANGE (id); "
            "CREATE TABLE orders_few PARTITION OF orders FOR VALUES FROM (0) TO (1000); "
            "CREATE TABLE orders_many PARTITION OF orders FOR VALUES FROM (1000) TO (9000) "
            "PARTITION BY RANGE (id); "
            "CREATE TABLE orders_leaf PARTITION OF orders_many FOR VALUES FROM (1000) TO (9000)");
        source().execute("CREATE PUBLICATION " + slot() +
                         " FOR ALL TABLES WITH (publish_via_partition_root)");
    }
    void start_refusing(const std::string& table) {
        target().execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (v < 1000)");
        start();
        catch_up();
    }
    void accept(const std::string& table) {
        target().execute("ALTER TABLE " + table + " DROP CONSTRAINT small");
    }
};

TEST_F(QuarantinePartitions, ARowOfAPartitionWaitsForWhatThatAloneRefersTo) {
    target().execute("ALTER TABLE orders_leaf ADD FOREIGN KEY (user_id) REFERENCES users");
    start_refusing("users");
    source().execute("INSERT INTO users VALUES (1, 1000), (2, 1)");
    source().execute("INSERT INTO orders VALUES (2000, 1, 1), (2001, 2, 1)");
    source().execute("UPDATE orders SET v = 2");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- 1 2");
    EXPECT_EQ(target().value("SELECT string_agg(id || '=' || v, ' ') FROM orders"), "2001=2");
    accept("users");
    expect_all_retried();
}

TEST_F(QuarantinePartitions, ADeletedRowWaitsForTheRowOfAPartitionThatRefersToIt) {
    target().execute("ALTER TABLE orders_few ADD FOREIGN KEY (user_id) REFERENCES users");
    start_refusing("orders_few");
    source().execute("INSERT INTO users VALUES (1, 1), (2, 1)");
    source().execute("INSERT INTO orders VALUES (5, 1, 1000)");
    source().execute("UPDATE orders SET user_id = 2 WHERE id = 5");
    source().execute("DELETE FROM users WHERE id = 1");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- 1 1");
    EXPECT_EQ(target().value("SELECT count(*) FROM users"), "2");
    accept("orders_few");
    expect_all_retried();
}

TEST_F(QuarantinePartitions, ARowWaitsForTheRowOfAPartitionThatItRefersTo) {
    on_both("CREATE TABLE notes (id int PRIMARY KEY, order_id int)");
    target().execute("ALTER TABLE notes ADD FOREIGN KEY (order_id) REFERENCES orders_leaf");
    start_refusing("orders_leaf");
    source().execute("INSERT INTO orders VALUES (2000, 1, 1000), (2001, 1, 1)");
    source().execute("INSERT INTO notes VALUES (1, 2000), (2, 2001)");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- 1");
    accept("orders_leaf");
    expect_all_retried();
}

// The catalogue has no constraint from a partition to one of another table.
TEST_F(QuarantinePartitions, RowsOfPartitionsWaitForThoseOfAnotherTablesPartitions) {
    source().execute("ALTER PUBLICATION " + slot() + " SET (publish_via_partition_root = false)");
    on_both(
        "CREATE TABLE clubs (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); "
        "CREATE TABLE clubs_1 PARTITION OF clubs FOR VALUES FROM (0) TO (1000)");
    target().execute("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES clubs");
    start_refusing("clubs");
    source().execute("INSERT INTO clubs VALUES (1, 1000), (2, 1)");
    source().execute("INSERT INTO orders VALUES (2000, 1, 1), (2001, 2, 1)");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- 1");
    accept("clubs");
    expect_all_retried();
}

}  // namespace
}  // namespace walpack::e2e
