// The tables [conflict] and [table."schema.name"] of the configuration file.
#include "config/conflict_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/config/config_file_text.h"

namespace walpack {
namespace {

using testing::HasSubstr;

constexpr const char* kEnds = "source = \"dbname=from\"\ntarget = \"dbname=to\"\n";
const TableName kOrders{"public", "orders"};

Config load(const std::string& lines) {
    const ConfigFileText file(kEnds + lines);
    return load_config(file.path(), {});
}

std::string refusal_of(const std::string& lines) {
    try {
        (void)load(lines);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::config);
        return error.report();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
}

TEST(ConflictKeys, SetPoliciesForAllTablesAndForOne) {
    const Config config = load(
        "[conflict]\ninsert_exists = \"apply\"\nnewest_column = \"at\"\n"
        "[table.\"public.orders\"]\ninsert_exists = \"newest\"\nupdate_missing = \"insert\"\n");
    const ConflictPolicies& policies = config.conflicts;
    EXPECT_EQ(policies.of({"public", "x"}, ConflictKind::insert_exists), ConflictPolicy::apply);
    EXPECT_EQ(policies.of(kOrders, ConflictKind::insert_exists), ConflictPolicy::newest);
    EXPECT_EQ(policies.of(kOrders, ConflictKind::update_missing), ConflictPolicy::insert);
    EXPECT_EQ(policies.newest_column(kOrders), "at");
}

TEST(ConflictKeys, NameTablesAsSqlDoes) {
    const Config config = load("[table.'Sales.\"My Table\"']\nvalue = \"keep\"\n");
    EXPECT_EQ(config.conflicts.of({"sales", "My Table"}, ConflictKind::value),
              ConflictPolicy::keep);
}

TEST(ConflictKeys, RefuseAPolicyThatHasNoMeaningForTheKind) {
    const std::string refusal = refusal_of("[conflict]\nupdate_missing = \"apply\"\n");
    EXPECT_THAT(refusal, HasSubstr("line 4, key \"update_missing\""));
    EXPECT_THAT(refusal, HasSubstr("policy \"apply\" has no meaning for update_missing"));
    EXPECT_THAT(refusal, HasSubstr("error, keep or insert"));
}

TEST(ConflictKeys, RefuseAPolicyThatThereIsNot) {
    EXPECT_THAT(refusal_of("[conflict]\nvalue = \"ignore\"\n"),
                HasSubstr("\"ignore\" is not a policy"));
}

TEST(ConflictKeys, RefuseAValueThatIsNoText) {
    EXPECT_THAT(refusal_of("[conflict]\nvalue = true\n"), HasSubstr("line 4, key \"value\""));
}

TEST(ConflictKeys, RefuseAnUnknownKeyWithTheNearest) {
    const std::string refusal = refusal_of("[table.\"public.orders\"]\ninsert_exist = \"apply\"\n");
    EXPECT_THAT(refusal, HasSubstr("line 4, key \"insert_exist\""));
    EXPECT_THAT(refusal, HasSubstr("The nearest valid key is \"insert_exists\"."));
}

TEST(ConflictKeys, RefuseAPolicyWithoutMeaningForOrigins) {
    EXPECT_THAT(refusal_of("[conflict]\nupdate_origin_differs = \"insert\"\n"),
                HasSubstr("Write error, apply, keep or newest."));
}

TEST(ConflictKeys, RefuseAnUnknownTableEvenWithoutKeys) {
    const std::string refusal = refusal_of("[conflicts]\n");
    EXPECT_THAT(refusal, HasSubstr("line 3, table [conflicts]"));
    EXPECT_THAT(refusal, HasSubstr("The nearest valid table is [conflict]."));
    EXPECT_THAT(refusal_of("[zzzzzz]\nx = 1\n"), HasSubstr("Valid tables are"));
}

TEST(ConflictKeys, RefuseATableWithoutItsSchema) {
    EXPECT_THAT(refusal_of("[table.orders]\nvalue = \"keep\"\n"),
                HasSubstr("\"orders\" does not name a table"));
    EXPECT_THAT(refusal_of("[table]\nvalue = \"keep\"\n"), HasSubstr("belongs to no table"));
    EXPECT_THAT(refusal_of("[conflict.\"public.orders\"]\nvalue = \"keep\"\n"),
                HasSubstr("no table inside"));
}

TEST(ConflictKeys, RefuseTheSameTableTwice) {
    EXPECT_THAT(refusal_of("[table.\"public.orders\"]\nvalue = \"keep\"\n"
                           "[table.\"Public.Orders\"]\nvalue = \"error\"\n"),
                HasSubstr("twice"));
}

TEST(ConflictKeys, AreShownAsTheFileWouldHaveThem) {
    const std::string tables =
        "[conflict]\ndelete_missing = \"keep\"\n"
        "[table.\"\\\"public\\\".\\\"orders\\\"\"]\ninsert_exists = \"newest\"\n"
        "newest_column = \"at\"\n";
    const Config config = load(tables);
    EXPECT_EQ(describe_sections(config), tables);
    EXPECT_THAT(describe(config), HasSubstr(tables));
}

TEST(ConflictKeys, SetWhatIsDoneOnAnErrorOfOneTable) {
    const std::string table =
        "[table.\"\\\"public\\\".\\\"orders\\\"\"]\non_error = \"quarantine\"\n";
    const Config config = load(table);
    EXPECT_EQ(config.on_error, "error");
    EXPECT_EQ(config.table_on_error.at(kOrders), "quarantine");
    EXPECT_EQ(describe_sections(config), table);
}

TEST(ConflictKeys, RefuseOnErrorWhereItDoesNotBelong) {
    EXPECT_THAT(refusal_of("[conflict]\non_error = \"quarantine\"\n"),
                HasSubstr("does not belong here"));
    EXPECT_THAT(refusal_of("[table.\"public.orders\"]\non_error = \"skip\"\n"),
                HasSubstr("\"skip\" is not a valid on_error"));
    EXPECT_THAT(refusal_of("[table.\"public.orders\"]\non_error = \"error\"\n"
                           "[table.\"Public.Orders\"]\non_error = \"error\"\n"),
                HasSubstr("twice"));
}

}  // namespace
}  // namespace walpack
