// How definitions of both ends are compared.
#include "structure/table_definitions.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

const TableName kOrders = {"shop", "orders"};

TableDefinitions orders() {
    return {{{kOrders, "table", ""}, "ordinary"}, {{kOrders, "column", "id"}, "integer"}};
}

TEST(CompareDefinitions, OfEqualTablesIsEmpty) {
    EXPECT_TRUE(compare_definitions(orders(), orders()).empty());
}

TEST(CompareDefinitions, NamesBothSides) {
    TableDefinitions target = orders();
    target[{kOrders, "column", "id"}] = "bigint";
    EXPECT_EQ(compare_definitions(orders(), target),
              (std::vector<std::string>{"shop.orders: column id: source integer | target bigint"}));
}

TEST(CompareDefinitions, NamesWhatOneSideLacks) {
    TableDefinitions target = orders();
    target[{kOrders, "check", "c"}] = "CHECK ((id >\n 0))";
    EXPECT_EQ(compare_definitions(orders(), target),
              (std::vector<std::string>{
                  "shop.orders: check c: source missing | target CHECK ((id >  0))"}));
}

TEST(CompareDefinitions, OfAMissingTableIsOneLine) {
    EXPECT_EQ(compare_definitions(orders(), {}),
              (std::vector<std::string>{"shop.orders: table: source ordinary | target missing"}));
}

}  // namespace
}  // namespace walpack
