#include "quarantine/held_keys.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;

using Mapping = std::shared_ptr<const RelationMapping>;

ForeignKey orders_to_users() {
    ForeignKey key;
    key.children = {{"public", "orders"}};
    key.child_columns = {"user_id"};
    key.parents = {{"public", "users"}};
    key.parent_columns = {"id"};
    return key;
}

// id, email (unique), note
Mapping users() {
    return MappingBuilder("users")
        .key("id", "int4")
        .column("email", "text")
        .column("note", "text")
        .primary_key()
        .unique({"email"})
        .map();
}

// id, user_id -> users
Mapping orders() {
    return MappingBuilder("orders")
        .key("id", "int4")
        .column("user_id", "int4")
        .primary_key()
        .unique({"id"})
        .map();
}

OwnedChange of(const Mapping& mapping, ChangeKind kind, std::vector<Value> old_tuple,
               std::vector<Value> new_tuple) {
    OwnedChange owned(kind, std::move(old_tuple), std::move(new_tuple));
    owned.change.relation = mapping->relation;
    return owned;
}

OwnedChange user(ChangeKind kind, int id, const char* email) {
    if (kind == ChangeKind::delete_key) return of(users(), kind, {integer(id)}, {});
    return of(users(), kind, {}, {integer(id), text(email), text("n")});
}

OwnedChange order(ChangeKind kind, int id, int user_id) {
    if (kind == ChangeKind::delete_key) return of(orders(), kind, {integer(id)}, {});
    return of(orders(), kind, {}, {integer(id), integer(user_id)});
}

class HeldKeysOfUsers : public testing::Test {
  protected:
    HeldKeysOfUsers() { keys_.set_foreign_keys({orders_to_users()}); }

    void hold(const OwnedChange& owned, const Mapping& mapping, const HeldTuple& found = {}) {
        keys_.add(++last_, owned.change, mapping->table.get(), &found);
    }
    std::optional<std::uint64_t> wait(const OwnedChange& owned, const Mapping& mapping) {
        return keys_.waits_for(owned.change, mapping->table.get());
    }
    std::optional<std::uint64_t> wait_user(ChangeKind kind, int id, const char* email) {
        return wait(user(kind, id, email), users());
    }
    std::optional<std::uint64_t> wait_order(ChangeKind kind, int id, int user_id) {
        return wait(order(kind, id, user_id), orders());
    }

    HeldKeys keys_;
    std::uint64_t last_ = 0;
};

TEST_F(HeldKeysOfUsers, MakesNothingWaitWhileEmpty) {
    EXPECT_FALSE(wait_user(ChangeKind::insert, 1, "a"));
    EXPECT_TRUE(keys_.empty());
}

TEST_F(HeldKeysOfUsers, MakesLaterChangesOfTheRowWait) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    EXPECT_EQ(wait_user(ChangeKind::update, 1, "b"), 1U);
    EXPECT_EQ(wait_user(ChangeKind::delete_key, 1, ""), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::update, 2, "b"));
    EXPECT_FALSE(wait_user(ChangeKind::delete_key, 2, ""));
}

TEST_F(HeldKeysOfUsers, MakesAnotherRowWithTheSameUniqueValueWait) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    EXPECT_EQ(wait_user(ChangeKind::insert, 2, "a"), 1U);
    EXPECT_EQ(wait_user(ChangeKind::update, 3, "a"), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::insert, 2, "c"));
}

TEST_F(HeldKeysOfUsers, HoldsTheOldValueThatTheTargetsRowHas) {
    hold(user(ChangeKind::update, 1, "b"), users(), {{"email", {HeldValue::Form::text, "a"}}});
    EXPECT_EQ(wait_user(ChangeKind::insert, 2, "a"), 1U) << "the target's row still has it";
    EXPECT_FALSE(wait_user(ChangeKind::insert, 2, "c"));
}

TEST_F(HeldKeysOfUsers, MakesAnyNewValueWaitWhereTheOldOneIsNotKnown) {
    hold(user(ChangeKind::update, 1, "b"), users());
    EXPECT_EQ(wait_user(ChangeKind::insert, 2, "c"), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::delete_key, 2, "")) << "that gives no row a value";
}

TEST_F(HeldKeysOfUsers, KnowsTheOldValuesOfARowThatIsHeldAlready) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    hold(user(ChangeKind::update, 1, "b"), users());
    EXPECT_FALSE(wait_user(ChangeKind::insert, 2, "c"));
    EXPECT_EQ(wait_user(ChangeKind::insert, 2, "a"), 1U);
    EXPECT_EQ(wait_user(ChangeKind::insert, 2, "b"), 2U);
}

TEST_F(HeldKeysOfUsers, HoldsBothKeysOfARowWhoseKeyChanges) {
    hold(of(users(), ChangeKind::update_key, {integer(1)}, {integer(2), text("a"), text("n")}),
         users(), {{"email", {HeldValue::Form::text, "a"}}});
    EXPECT_EQ(wait_user(ChangeKind::update, 1, "x"), 1U);
    EXPECT_EQ(wait_user(ChangeKind::update, 2, "x"), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::update, 3, "x"));
}

TEST_F(HeldKeysOfUsers, MakesRowsThatReferenceItWaitAndWhatWaitsForThem) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    EXPECT_EQ(wait_order(ChangeKind::insert, 10, 1), 1U);
    EXPECT_FALSE(wait_order(ChangeKind::insert, 10, 2));
    hold(order(ChangeKind::insert, 10, 1), orders());
    EXPECT_EQ(wait_order(ChangeKind::delete_key, 10, 0), 2U);
    EXPECT_FALSE(wait_order(ChangeKind::delete_key, 11, 0));
}

TEST_F(HeldKeysOfUsers, MakesTheDeleteOfAReferencedRowWait) {
    hold(order(ChangeKind::insert, 10, 1), orders());
    EXPECT_EQ(wait_user(ChangeKind::delete_key, 1, ""), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::delete_key, 2, ""));
    EXPECT_FALSE(wait_user(ChangeKind::update, 1, "z")) << "its key stays";
}

TEST_F(HeldKeysOfUsers, MakesTheDeleteWaitOfARowThatAHeldChildLeaves) {
    hold(order(ChangeKind::update, 10, 2), orders(), {{"user_id", {HeldValue::Form::text, "1"}}});
    EXPECT_EQ(wait_user(ChangeKind::delete_key, 1, ""), 1U) << "the target's child has it still";
    EXPECT_EQ(wait_user(ChangeKind::delete_key, 2, ""), 1U);
    EXPECT_FALSE(wait_user(ChangeKind::delete_key, 3, ""));
}

TEST_F(HeldKeysOfUsers, ForgetsATableThatIsTruncated) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    hold(order(ChangeKind::insert, 10, 1), orders());
    keys_.forget({"public", "orders"});
    EXPECT_FALSE(wait_order(ChangeKind::delete_key, 10, 0));
    EXPECT_FALSE(wait_user(ChangeKind::delete_key, 5, ""));
    EXPECT_EQ(keys_.rows(), 1U);
    EXPECT_EQ(wait_user(ChangeKind::update, 1, "a"), 1U);
    keys_.forget({"public", "users"});
    EXPECT_TRUE(keys_.empty());
}

TEST_F(HeldKeysOfUsers, WaitsForTheLastOfSeveral) {
    hold(user(ChangeKind::insert, 1, "a"), users());
    hold(user(ChangeKind::insert, 2, "b"), users());
    hold(user(ChangeKind::update, 1, "c"), users());
    EXPECT_EQ(wait_user(ChangeKind::delete_key, 1, ""), 3U);
    EXPECT_EQ(wait_user(ChangeKind::update, 2, "a"), 2U);
    EXPECT_EQ(wait_user(ChangeKind::insert, 9, "c"), 3U);
}

TEST(HeldKeys, MakeAllOfATableWaitWhoseKeyIsNotComparedByItsText) {
    const auto mapping = MappingBuilder("t").key("id", "numeric").column("v", "text").map();
    HeldKeys keys;
    const auto held = of(mapping, ChangeKind::insert, {}, {text(""), text("a")});
    // The value of a numeric matters not: it is never looked at.
    keys.add(1, held.change, mapping->table.get());
    const auto other = of(mapping, ChangeKind::insert, {}, {text("x"), text("b")});
    EXPECT_EQ(keys.waits_for(other.change, mapping->table.get()), 1U);
}

TEST(HeldKeys, MakeAllOfATableWaitThatTheTargetLacks) {
    HeldKeys keys;
    keys.add(1, user(ChangeKind::insert, 1, "a").change, nullptr);
    EXPECT_EQ(keys.waits_for(user(ChangeKind::insert, 2, "b").change, nullptr), 1U);
    EXPECT_EQ(keys.waits_for(user(ChangeKind::insert, 2, "b").change, users()->table.get()), 1U);
    EXPECT_FALSE(keys.waits_for(order(ChangeKind::insert, 2, 1).change, orders()->table.get()));
}

TEST(HeldKeys, IdentifyRowsWithoutAKeyByAllOfTheirValues) {
    const auto mapping = MappingBuilder("t")
                             .column("a", "int4")
                             .column("b", "text")
                             .unique({"b"}, true)
                             .full()
                             .map();
    auto table = *mapping->table;
    table.unique_indexes.clear();
    HeldKeys keys;
    Value null;
    keys.add(1, of(mapping, ChangeKind::insert, {}, {integer(1), null}).change, &table);
    EXPECT_EQ(
        keys.waits_for(of(mapping, ChangeKind::delete_full, {integer(1), null}, {}).change, &table),
        1U);
    EXPECT_FALSE(keys.waits_for(
        of(mapping, ChangeKind::delete_full, {integer(1), text("")}, {}).change, &table));
    EXPECT_FALSE(keys.waits_for(of(mapping, ChangeKind::delete_full, {integer(2), null}, {}).change,
                                &table));
}

TEST(HeldKeys, MakeEveryNewRowWaitForAnIndexThatIsNotPlain) {
    const auto mapping = MappingBuilder("t")
                             .key("id", "int4")
                             .column("v", "text")
                             .primary_key()
                             .unique({}, false)
                             .map();
    HeldKeys keys;
    keys.add(1, of(mapping, ChangeKind::insert, {}, {integer(1), text("a")}).change,
             mapping->table.get());
    EXPECT_EQ(keys.waits_for(of(mapping, ChangeKind::insert, {}, {integer(2), text("b")}).change,
                             mapping->table.get()),
              1U);
    EXPECT_FALSE(keys.waits_for(of(mapping, ChangeKind::delete_key, {integer(2)}, {}).change,
                                mapping->table.get()));
}

TEST(HeldKeys, MakeRowsWaitForAnIndexThatIsNewerThanWhatIsHeld) {
    const auto before =
        MappingBuilder("t").key("id", "int4").column("v", "text").primary_key().map();
    const auto after =
        MappingBuilder("t").key("id", "int4").column("v", "text").primary_key().unique({"v"}).map();
    HeldKeys keys;
    keys.add(1, of(before, ChangeKind::insert, {}, {integer(1), text("a")}).change,
             before->table.get());
    EXPECT_EQ(keys.waits_for(of(after, ChangeKind::insert, {}, {integer(2), text("a")}).change,
                             after->table.get()),
              1U);
    keys.add(2, of(after, ChangeKind::insert, {}, {integer(3), text("b")}).change,
             after->table.get());
    EXPECT_EQ(keys.waits_for(of(after, ChangeKind::insert, {}, {integer(4), text("z")}).change,
                             after->table.get()),
              2U);
}

TEST(HeldKeys, TakeTextsThatDifferInBlanksAtTheEndForOne) {
    HeldKeys keys;
    keys.add(1, user(ChangeKind::insert, 1, "a").change, users()->table.get());
    EXPECT_EQ(keys.waits_for(user(ChangeKind::insert, 2, "a  ").change, users()->table.get()), 1U);
}

TEST(HeldKeys, HoldTheValuesOfAnEditToo) {
    HeldKeys keys;
    const auto mapping = users();
    keys.add(1, user(ChangeKind::insert, 1, "a").change, mapping->table.get());
    keys.add_image(1, user(ChangeKind::insert, 1, "edited").change, mapping->table.get());
    EXPECT_EQ(keys.waits_for(user(ChangeKind::insert, 2, "a").change, mapping->table.get()), 1U);
    EXPECT_EQ(keys.waits_for(user(ChangeKind::insert, 2, "edited").change, mapping->table.get()),
              1U);
    EXPECT_EQ(keys.rows(), 1U);
}

// orders go with their users, and users with their groups.
TEST(HeldKeys, MakeAChangeWaitThatReachesAHeldRowOverAnotherTable) {
    ForeignKey inner = orders_to_users();
    inner.acts_on_delete = true;
    ForeignKey outer;
    outer.children = {{"public", "users"}};
    outer.child_columns = {"email"};
    outer.parents = {{"public", "groups"}};
    outer.parent_columns = {"id"};
    outer.acts_on_update = true;
    const auto groups =
        MappingBuilder("groups").key("id", "int4").column("v", "text").primary_key().map();
    const auto deleted = of(groups, ChangeKind::delete_key, {integer(1)}, {});
    const auto updated = of(groups, ChangeKind::update, {}, {integer(1), text("v")});
    for (const bool acts : {true, false}) {
        HeldKeys keys;
        outer.acts_on_delete = acts;
        keys.set_foreign_keys({inner, outer});
        keys.add(1, order(ChangeKind::insert, 10, 1).change, orders()->table.get());
        EXPECT_EQ(keys.waits_for(deleted.change, groups->table.get()),
                  acts ? std::optional<std::uint64_t>(1) : std::nullopt);
        EXPECT_FALSE(keys.waits_for(updated.change, groups->table.get())) << "its key stays";
        EXPECT_FALSE(
            keys.waits_for(user(ChangeKind::delete_key, 2, "").change, users()->table.get()))
            << "no held row refers to it";
    }
}

TEST(HeldKeys, KnowPartitionsByTheForeignKeyOfTheTablesAboveThem) {
    ForeignKey key = orders_to_users();
    key.children.insert({"public", "orders_1"});
    key.parents.insert({"public", "users_1"});
    const auto orders_1 =
        MappingBuilder("orders_1").key("id", "int4").column("user_id", "int4").primary_key().map();
    const auto users_1 =
        MappingBuilder("users_1").key("id", "int4").column("email", "text").primary_key().map();
    HeldKeys keys;
    keys.set_foreign_keys({key});
    keys.add(1, of(users_1, ChangeKind::insert, {}, {integer(1), text("a")}).change,
             users_1->table.get());
    const auto child = of(orders_1, ChangeKind::insert, {}, {integer(10), integer(1)});
    EXPECT_EQ(keys.waits_for(child.change, orders_1->table.get()), 1U);
    EXPECT_EQ(keys.waits_for(order(ChangeKind::insert, 10, 1).change, orders()->table.get()), 1U);
    EXPECT_FALSE(keys.waits_for(order(ChangeKind::insert, 10, 2).change, orders()->table.get()));
    keys.add(2, child.change, orders_1->table.get());
    keys.forget({"public", "users_1"});
    const auto parent = of(users_1, ChangeKind::delete_key, {integer(1)}, {});
    EXPECT_EQ(keys.waits_for(parent.change, users_1->table.get()), 2U);
    keys.forget({"public", "orders_1"});
    EXPECT_FALSE(keys.waits_for(parent.change, users_1->table.get()));
}

// REPLICA IDENTITY FULL at the source, where the target's key may be NULL, too.
TEST(HeldKeys, KnowARowWhoseKeyIsNull) {
    const auto mapping =
        MappingBuilder("t").key("k", "int4").column("v", "text").primary_key().full().map();
    const Value null;
    HeldKeys keys;
    keys.add(1, of(mapping, ChangeKind::insert, {}, {null, text("a")}).change,
             mapping->table.get());
    const auto deleted = of(mapping, ChangeKind::delete_full, {null, text("a")}, {});
    const auto updated =
        of(mapping, ChangeKind::update_full, {null, text("a")}, {integer(5), text("a")});
    const auto other = of(mapping, ChangeKind::delete_full, {integer(6), text("a")}, {});
    EXPECT_EQ(keys.waits_for(deleted.change, mapping->table.get()), 1U);
    EXPECT_EQ(keys.waits_for(updated.change, mapping->table.get()), 1U);
    EXPECT_FALSE(keys.waits_for(other.change, mapping->table.get()));
}

TEST(HeldKeys, TellWhichOldValuesTheyLack) {
    HeldKeys keys;
    keys.set_foreign_keys({orders_to_users()});
    const std::vector<std::string> email = {"email"};
    const std::vector<std::string> user_id = {"user_id"};
    EXPECT_EQ(keys.missing_columns(user(ChangeKind::delete_key, 1, "").change, *users()->table),
              email);
    EXPECT_EQ(keys.missing_columns(order(ChangeKind::update, 1, 1).change, *orders()->table),
              user_id);
    EXPECT_TRUE(
        keys.missing_columns(user(ChangeKind::insert, 1, "a").change, *users()->table).empty());
}

}  // namespace
}  // namespace walpack
