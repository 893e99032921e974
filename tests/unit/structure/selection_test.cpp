// Which entries of an archive come along with the published tables.
#include "structure/selection.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error.h"
#include "structure/post_data_items.h"

namespace walpack {
namespace {

constexpr std::uint32_t kClass = 1259;
constexpr std::uint32_t kConstraint = 2606;
constexpr std::uint32_t kTrigger = 2620;

// Orders refer to customers, a log stands alone. OIDs are 100 + the entry's number.
class SelectionOfAShop : public ::testing::Test {
  protected:
    SelectionOfAShop() {
        add("1; 2615 101 SCHEMA - shop p");
        add("2; 1247 102 TYPE shop mood p", {1});
        add("3; 1255 103 FUNCTION shop note() p", {1});
        add("4; 1255 104 FUNCTION shop unneeded() p", {1});
        add("10; 1259 110 TABLE shop customer p", {1, 2});
        add("11; 1259 111 TABLE shop orders p", {1});
        add("12; 1259 112 TABLE shop log p", {1});
        add("13; 1259 113 SEQUENCE shop orders_id_seq p", {1, 11});
        add("14; 0 0 SEQUENCE OWNED BY shop orders_id_seq p", {13});
        add("15; 0 0 COMMENT shop TABLE customer p", {10});
        add("20; 2606 120 CONSTRAINT shop customer customer_pkey p", {10});
        add("21; 1259 121 INDEX shop orders_idx p", {11});
        add("22; 2620 122 TRIGGER shop orders note p", {3, 11});
        add("23; 2606 123 FK CONSTRAINT shop orders orders_fk p", {10, 11, 20});
        add("24; 0 0 COMMENT shop INDEX orders_idx p", {21});
        facts_.owned[{kClass, 113}] = {111, 0, false, "orders_id_seq"};
        facts_.owned[{kConstraint, 120}] = {110, 0, true, "customer_pkey"};
        facts_.owned[{kClass, 121}] = {111, 0, false, "orders_idx"};
        facts_.owned[{kTrigger, 122}] = {111, 0, false, "note"};
        facts_.owned[{kConstraint, 123}] = {111, 110, false, "orders_fk"};
        facts_.tables[110] = {{"shop", "customer"}, 'r', true};
        facts_.tables[111] = {{"shop", "orders"}, 'r', true};
        facts_.tables[112] = {{"shop", "log"}, 'r', true};
    }

    void add(const std::string& line, std::vector<std::uint32_t> depends_on = {}) {
        archive_.push_back(parse_archive_list(line + "\n").front());
        archive_.back().depends_on = std::move(depends_on);
    }

    StructureSelection select(const std::set<std::uint32_t>& published, bool is_whole = true) {
        return select_structure(archive_, facts_, {published, published, {}, is_whole});
    }

    std::map<std::uint32_t, ArchiveEntry> entries() const {
        std::map<std::uint32_t, ArchiveEntry> all;
        for (const ArchiveEntry& entry : archive_) all[entry.id] = entry;
        return all;
    }

    std::vector<ArchiveEntry> archive_;
    SourceFacts facts_;
};

using Ids = std::vector<std::uint32_t>;

// A table that comes later, beside one that is there.
TEST_F(SelectionOfAShop, LeavesTablesThatAreThereWithAllThatIsTheirs) {
    const auto selection = select_structure(archive_, facts_, {{110, 111}, {111}, {110}, false});
    EXPECT_EQ(selection.before, (Ids{1, 3, 11, 13, 14}));
    EXPECT_EQ(selection.after, (Ids{21, 22, 23, 24}));
    EXPECT_TRUE(selection.refused.empty());
}

TEST_F(SelectionOfAShop, AttachesAPartitionToARootThatIsThereBehindItsRows) {
    add("30; 1259 130 TABLE shop root p", {1});
    add("31; 1259 131 TABLE shop leaf p", {1});
    add("32; 0 0 TABLE ATTACH shop leaf p", {31, 30});
    facts_.tables[130] = {{"shop", "root"}, 'p', true};
    facts_.tables[131] = {{"shop", "leaf"}, 'r', true};
    const auto later = select_structure(archive_, facts_, {{131}, {131}, {130}, false});
    EXPECT_EQ(later.before, (Ids{1, 31}));
    EXPECT_EQ(later.after, (Ids{32}));
    const auto together = select_structure(archive_, facts_, {{130, 131}, {130, 131}, {}, false});
    EXPECT_EQ(together.before, (Ids{1, 30, 31, 32}));
    EXPECT_TRUE(together.after.empty());
}

TEST_F(SelectionOfAShop, TakesATableWithItsDependenciesAndNothingElse) {
    const auto selection = select({110});
    EXPECT_EQ(selection.before, (Ids{1, 2, 10, 15}));
    EXPECT_EQ(selection.after, (Ids{20}));
    EXPECT_TRUE(selection.refused.empty());
}

TEST_F(SelectionOfAShop, RefusesAForeignKeyToATableThatIsNotPublished) {
    const auto selection = select({111});
    EXPECT_EQ(selection.before, (Ids{1, 3, 11, 13, 14}));
    EXPECT_EQ(selection.after, (Ids{21, 22, 24}));
    ASSERT_EQ(selection.refused.size(), 1U);
    EXPECT_EQ(selection.refused[0].description, "FK CONSTRAINT shop orders orders_fk");
    EXPECT_EQ(selection.refused[0].reason, "needs TABLE shop customer, which is not published");
}

TEST_F(SelectionOfAShop, TakesFunctionsThatNoTableNeedsWithAllTablesOnly) {
    const auto has_unneeded = [](const StructureSelection& selection) {
        return std::find(selection.before.begin(), selection.before.end(), 4U) !=
               selection.before.end();
    };
    EXPECT_TRUE(has_unneeded(select({110, 111, 112})));
    EXPECT_FALSE(has_unneeded(select({110, 111})));
    EXPECT_FALSE(has_unneeded(select({110, 111, 112}, false)));
}

TEST_F(SelectionOfAShop, AnUnloggedTableIsNoneOfAllTables) {
    facts_.tables[112].is_permanent = false;
    const auto selection = select({110, 111});
    EXPECT_NE(std::find(selection.before.begin(), selection.before.end(), 4U),
              selection.before.end());
}

TEST_F(SelectionOfAShop, TakesExtensionsThatWhatComesNeeds) {
    add("5; 3079 105 EXTENSION - pgcrypto p");
    add("6; 3079 106 EXTENSION - citext p");
    add("7; 3079 107 EXTENSION - walpack p");
    facts_.extensions_needed[{1255, 103}] = {105, 107};
    facts_.extensions_needed[{1255, 104}] = {106};
    EXPECT_EQ(select({111}).before, (Ids{1, 3, 11, 13, 14, 5}));
}

TEST_F(SelectionOfAShop, TakesExtensionsOfAWholeDatabaseButOurs) {
    add("5; 3079 105 EXTENSION - pgcrypto p");
    add("6; 3079 106 EXTENSION - walpack p");
    const auto before = select({110, 111, 112}).before;
    EXPECT_NE(std::find(before.begin(), before.end(), 5U), before.end());
    EXPECT_EQ(std::find(before.begin(), before.end(), 6U), before.end());
}

TEST_F(SelectionOfAShop, RefusesAPolicyThatReadsAnotherTable) {
    add("30; 3256 130 POLICY shop customer p p", {10, 12});
    facts_.owned[{3256, 130}] = {110, 0, false, "p"};
    const auto selection = select({110});
    ASSERT_EQ(selection.refused.size(), 1U);
    EXPECT_EQ(selection.refused[0].reason, "needs TABLE shop log, which is not published");
}

TEST_F(SelectionOfAShop, NamesPublishedTablesThatTheArchiveLacks) {
    EXPECT_THROW(select({110, 999}), Error);
}

TEST_F(SelectionOfAShop, AttachesOnlyPartitionsThatCome) {
    add("40; 1259 140 TABLE shop ev p", {1});
    add("41; 1259 141 TABLE shop ev1 p", {1, 40});
    add("42; 1259 142 TABLE shop ev2 p", {1, 40});
    add("43; 0 0 TABLE ATTACH shop ev1 p", {41, 40});
    add("44; 0 0 TABLE ATTACH shop ev2 p", {42, 40});
    const auto selection = select({141});
    EXPECT_EQ(selection.before, (Ids{1, 40, 41, 43}));
    EXPECT_EQ(table_of(archive_.back(), entries(), facts_), 142U);
}

TEST_F(SelectionOfAShop, PostDataIsOfKindsInTheOrderOfMaking) {
    const auto all = entries();
    const auto kind = [&](std::uint32_t id) { return post_data_kind(all.at(id), all, facts_); };
    EXPECT_EQ(kind(20), PostDataKind::key);
    EXPECT_EQ(kind(21), PostDataKind::index);
    EXPECT_EQ(kind(22), PostDataKind::trigger);
    EXPECT_EQ(kind(23), PostDataKind::foreign_key);
    EXPECT_EQ(kind(24), PostDataKind::cluster);
}

TEST_F(SelectionOfAShop, AForeignKeyIsMadeUnvalidatedAndValidatedLater) {
    const std::string add_key = "ALTER TABLE ONLY shop.orders\n    ADD CONSTRAINT orders_fk ...;";
    const auto items = post_data_items({23}, entries(), {{23, add_key}}, facts_, {110, 111});
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].statement,
              "ALTER TABLE ONLY shop.orders\n    ADD CONSTRAINT orders_fk ... NOT VALID;");
    EXPECT_EQ(items[1].kind, PostDataKind::validation);
    EXPECT_EQ(items[1].statement,
              "ALTER TABLE \"shop\".\"orders\" VALIDATE CONSTRAINT \"orders_fk\";");
}

TEST_F(SelectionOfAShop, AForeignKeyOfAPartitionedTableIsMadeInOneStep) {
    facts_.tables[111].relkind = 'p';
    const auto items = post_data_items({23}, entries(), {{23, "ALTER TABLE x;"}}, facts_, {111});
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].statement, "ALTER TABLE x;");
}

TEST_F(SelectionOfAShop, AForeignKeyThatRefersToAPartitionedTableIsMadeInOneStep) {
    facts_.tables[110].relkind = 'p';
    EXPECT_EQ(post_data_items({23}, entries(), {{23, "ALTER TABLE x;"}}, facts_, {111}).size(), 1U);
}

TEST_F(SelectionOfAShop, TablesThatWereThereGetNoPostData) {
    EXPECT_TRUE(post_data_items({21}, entries(), {{21, "x"}}, facts_, {110}).empty());
}

TEST(NotValid, IsAddedOnce) {
    EXPECT_EQ(as_not_valid("ADD x;"), "ADD x NOT VALID;");
    EXPECT_EQ(as_not_valid("ADD x NOT VALID;"), std::nullopt);
    EXPECT_EQ(as_not_valid("ADD x NOT ENFORCED;"), std::nullopt);
}

}  // namespace
}  // namespace walpack
