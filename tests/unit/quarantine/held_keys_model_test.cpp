// Against a model: two tables of a target that checks its unique values and its foreign key with
// each statement. Random changes of a source that obeys both are applied, some rows are refused;
// then what HeldKeys let pass must never have been refused for another reason, and all that was
// held must apply in its order, after which both sides are equal.
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "quarantine/held_keys.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;

ForeignKey orders_to_users() {
    ForeignKey key;
    key.children = {{"public", "orders"}};
    key.child_columns = {"user_id"};
    key.parents = {{"public", "users"}};
    key.parent_columns = {"id"};
    return key;
}

constexpr int kKeys = 8;

struct UserRow {
    int email = 0;
    int note = 0;

    friend bool operator==(const UserRow&, const UserRow&) = default;
};

// Two tables: users (id, email unique, note) and orders (id, user_id -> users).
struct Database {
    std::map<int, UserRow> users;
    std::map<int, int> orders;

    bool has_email(int email, int except) const {
        for (const auto& [id, row] : users) {
            if (id != except && row.email == email) return true;
        }
        return false;
    }
    bool is_referenced(int user) const {
        for (const auto& [id, of] : orders) {
            if (of == user) return true;
        }
        return false;
    }

    friend bool operator==(const Database&, const Database&) = default;
};

struct ModelChange {
    enum class Kind { insert, update, update_key, remove };

    bool is_user = true;
    Kind kind = Kind::insert;
    int old_id = 0;
    int id = 0;
    int value = 0;  // email, or user_id
    int note = 0;

    std::string text() const {
        return std::string(is_user ? "user" : "order") + " kind " +
               std::to_string(static_cast<int>(kind)) + ", " + std::to_string(old_id) + " -> " +
               std::to_string(id) + ", value " + std::to_string(value);
    }
};

// False, with nothing changed, when the database refuses it.
bool apply_to_users(Database& database, const ModelChange& change) {
    using Kind = ModelChange::Kind;
    const bool is_there = database.users.contains(change.old_id);
    if (change.kind == Kind::remove) {
        if (!is_there || database.is_referenced(change.old_id)) return false;
        return database.users.erase(change.old_id) == 1;
    }
    const bool moves = change.kind != Kind::update;
    if (change.kind != Kind::insert && !is_there) return false;
    if (moves && database.users.contains(change.id)) return false;
    if (change.kind == Kind::update_key && database.is_referenced(change.old_id)) return false;
    const int except = change.kind == Kind::insert ? -1 : change.old_id;
    if (database.has_email(change.value, except)) return false;
    if (change.kind == Kind::update_key) database.users.erase(change.old_id);
    database.users[change.id] = {change.value, change.note};
    return true;
}

bool apply_to_orders(Database& database, const ModelChange& change) {
    using Kind = ModelChange::Kind;
    const bool is_there = database.orders.contains(change.old_id);
    if (change.kind == Kind::remove) return database.orders.erase(change.old_id) == 1;
    if (change.kind != Kind::insert && !is_there) return false;
    if (change.kind != Kind::update && database.orders.contains(change.id)) return false;
    if (!database.users.contains(change.value)) return false;
    if (change.kind == Kind::update_key) database.orders.erase(change.old_id);
    database.orders[change.id] = change.value;
    return true;
}

bool apply(Database& database, const ModelChange& change) {
    return change.is_user ? apply_to_users(database, change) : apply_to_orders(database, change);
}

class HeldKeysModel : public testing::TestWithParam<std::uint32_t> {
  protected:
    HeldKeysModel()
        : users_(MappingBuilder("users")
                     .key("id", "int4")
                     .column("email", "int4")
                     .column("note", "int4")
                     .primary_key()
                     .unique({"email"})
                     .map()),
          orders_(MappingBuilder("orders")
                      .key("id", "int4")
                      .column("user_id", "int4")
                      .primary_key()
                      .unique({"id"})
                      .map()),
          random_(GetParam()) {
        keys_.set_foreign_keys({orders_to_users()});
    }

    int between(int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random_);
    }

    // One that the source accepts; it is applied there.
    ModelChange next_change() {
        for (;;) {
            ModelChange change;
            change.is_user = between(0, 2) > 0;
            change.kind = static_cast<ModelChange::Kind>(between(0, 3));
            change.old_id = between(1, kKeys);
            change.id =
                change.kind == ModelChange::Kind::update_key ? between(1, kKeys) : change.old_id;
            change.value = between(1, kKeys + 2);
            change.note = between(1, 1000);
            if (change.kind == ModelChange::Kind::update_key && change.id == change.old_id)
                continue;
            if (apply(source_, change)) return change;
        }
    }

    OwnedChange owned(const ModelChange& change) const {
        static constexpr ChangeKind kKinds[] = {ChangeKind::insert, ChangeKind::update,
                                                ChangeKind::update_key, ChangeKind::delete_key};
        std::vector<Value> old_tuple;
        std::vector<Value> new_tuple = {integer(change.id), integer(change.value)};
        if (change.is_user) new_tuple.push_back(integer(change.note));
        if (change.kind == ModelChange::Kind::remove) new_tuple.clear();
        if (change.kind == ModelChange::Kind::remove ||
            change.kind == ModelChange::Kind::update_key)
            old_tuple.push_back(integer(change.old_id));
        OwnedChange owned(kKinds[static_cast<int>(change.kind)], std::move(old_tuple),
                          std::move(new_tuple));
        owned.change.relation = (change.is_user ? users_ : orders_)->relation;
        return owned;
    }

    // What a look at the target's row would say.
    HeldTuple found(const ModelChange& change) const {
        const std::string column = change.is_user ? "email" : "user_id";
        HeldValue value;
        if (change.is_user && target_.users.contains(change.old_id))
            value = {HeldValue::Form::text, std::to_string(target_.users.at(change.old_id).email)};
        if (!change.is_user && target_.orders.contains(change.old_id))
            value = {HeldValue::Form::text, std::to_string(target_.orders.at(change.old_id))};
        return {{column, value}};
    }

    const TargetTable* table(const ModelChange& change) const {
        return (change.is_user ? users_ : orders_)->table.get();
    }

    void hold(const ModelChange& change) {
        held_.push_back(change);
        const HeldTuple before = found(change);
        keys_.add(held_.size(), owned(change).change, table(change), &before);
    }

    std::shared_ptr<const RelationMapping> users_;
    std::shared_ptr<const RelationMapping> orders_;
    std::mt19937 random_;
    Database source_;
    Database target_;
    HeldKeys keys_;
    std::vector<ModelChange> held_;
};

TEST_P(HeldKeysModel, WhatPassesIsNeverInTheWayOfWhatIsHeld) {
    std::size_t passed = 0;
    for (int step = 0; step < 200; ++step) {
        const ModelChange change = next_change();
        const auto waits = keys_.waits_for(owned(change).change, table(change));
        const bool is_refused = !waits && between(0, 19) == 0;
        if (waits || is_refused) {
            hold(change);
            continue;
        }
        ASSERT_TRUE(apply(target_, change)) << change.text() << " should have waited";
        ++passed;
    }
    for (const ModelChange& change : held_)
        ASSERT_TRUE(apply(target_, change)) << change.text() << " cannot be applied any more";
    EXPECT_TRUE(source_ == target_);
    EXPECT_GT(passed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HeldKeysModel, testing::Range(1U, 201U));

}  // namespace
}  // namespace walpack
