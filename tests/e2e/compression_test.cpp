// The random workload of randomised_test.cpp, compressed and streamed, while the consumer is
// killed.
#include "e2e/random_schema.h"
#include "e2e/random_workload.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kWriters = 3;
constexpr int kKills = 5;

class StreamingCompressed : public Scenario, public testing::WithParamInterface<const char*> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        source().execute("ALTER DATABASE " + source_database() +
                         " SET logical_decoding_work_mem = '64kB'");
        std::string everything = "CREATE TABLE everything (id bigint PRIMARY KEY";
        for (const TypedColumn& column : typed_columns())
            everything += ", " + column.name + " " + column.type;
        on_both(kRandomSchema);
        on_both(everything + ")");
        source().execute(kRandomRows);
        consumer().set("streaming", "true");
        consumer().set("compression", toml_text(GetParam()));
    }
};

TEST_P(StreamingCompressed, ChangesArriveExactlyOnceWhileTheConsumerIsKilled) {
    RandomWorkload workload(source_conninfo(), kWriters);
    wait_until("the writers write", seconds(10), [&] { return workload.committed() > 100; });
    consumer().init();
    consumer().start();
    wait_until_copied();
    Watcher watcher(target_conninfo(), kInvariantQuestion, kInvariantAnswer);
    wait_until("the sum is seen", seconds(60), [&] { return watcher.times_right() > 0; });
    Random random(5);
    for (int kill = 0; kill < kKills; ++kill) {
        wait_until_streaming();
        const auto ended = consumer().wait_exit(milliseconds(random.between(50, 1500)));
        ASSERT_EQ(ended, std::nullopt) << "the consumer ended by itself";
        consumer().kill();
        consumer().start();
    }
    EXPECT_EQ(workload.stop(), "");
    catch_up(seconds(120));
    EXPECT_EQ(watcher.stop(), std::nullopt);
    EXPECT_GT(watcher.times_right(), 0);
    expect_equal();
}

TEST_P(StreamingCompressed, LargeRowsAndSmallTransactionsArrive) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute("INSERT INTO t VALUES (1, repeat('0123456789', 2000000))");
    for (int i = 2; i < 50; ++i)
        source().execute("INSERT INTO t VALUES (" + std::to_string(i) + ", 'small')");
    source().execute("INSERT INTO t SELECT g, md5(g::text) FROM generate_series(50, 50000) g");
    source().execute("UPDATE t SET id = -id WHERE id < 100");
    catch_up();
    expect_equal();
}

INSTANTIATE_TEST_SUITE_P(With, StreamingCompressed, testing::Values("lz4", "zstd"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace walpack::e2e
