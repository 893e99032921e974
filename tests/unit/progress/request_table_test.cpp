#include "progress/request_table.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(TransactionSummary, NamesItsRowsAndTables) {
    TransactionSummary summary;
    EXPECT_EQ(summary.describe(), "0 rows");
    summary.rows = 1;
    summary.tables = {"public.items"};
    EXPECT_EQ(summary.describe(), "1 row of public.items");
    summary.rows = 12;
    summary.tables.insert("public.orders");
    EXPECT_EQ(summary.describe(), "12 rows of public.items, public.orders");
}

TEST(TransactionSummary, NamesAFewTablesOfMany) {
    TransactionSummary summary;
    summary.rows = 9;
    summary.tables = {"a", "b", "c", "d", "e", "f", "g"};
    EXPECT_EQ(summary.describe(), "9 rows of a, b, c, d, e and 2 more tables");
}

TEST(Requests, FindASkipByWhereItsTransactionCommits) {
    Requests requests;
    requests.skips = {{Lsn{0x10}, Lsn{}, false}, {Lsn{0x30}, Lsn{0x20}, false}};
    ASSERT_NE(requests.find_skip(Lsn{0x10}), nullptr);
    ASSERT_NE(requests.find_skip(Lsn{0x20}), nullptr);
    EXPECT_EQ(requests.find_skip(Lsn{0x20})->lsn, Lsn{0x30});
}

// Its transaction only ends there.
TEST(Requests, FindNoSkipWhereAnotherTransactionWasFoundForIt) {
    Requests requests;
    requests.skips = {{Lsn{0x30}, Lsn{0x20}, false}};
    EXPECT_EQ(requests.find_skip(Lsn{0x30}), nullptr);
}

TEST(Requests, FindAReleaseByItsLsnAlone) {
    Requests requests;
    requests.releases = {Lsn{0x10}};
    EXPECT_TRUE(requests.has_release(Lsn{0x10}));
    EXPECT_FALSE(requests.has_release(Lsn{0x20}));
}

}  // namespace
}  // namespace walpack
