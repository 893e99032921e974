// Sections [table."schema.name"] that name no published table are found.
#include "service/table_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config with_sections(const std::vector<TableName>& tables) {
    Config config;
    for (const TableName& table : tables) config.conflicts.tables[table] = {};
    return config;
}

TEST(TableSettings, AMisspeltTableIsFound) {
    const Config config = with_sections({{"public", "orders"}, {"public", "ordres"}});
    const std::set<TableName> published = {{"public", "orders"}, {"public", "items"}};
    EXPECT_THAT(find_unpublished(config, published), ElementsAre("\"public\".\"ordres\""));
}

TEST(TableSettings, AnotherSchemaIsAnotherTable) {
    const Config config = with_sections({{"Shop", "orders"}});
    EXPECT_THAT(find_unpublished(config, std::set<TableName>{{"public", "orders"}}),
                ElementsAre("\"Shop\".\"orders\""));
}

TEST(TableSettings, PublishedTablesNeedNoSection) {
    EXPECT_THAT(find_unpublished(Config{}, std::set<TableName>{{"public", "orders"}}), IsEmpty());
}

}  // namespace
}  // namespace walpack
