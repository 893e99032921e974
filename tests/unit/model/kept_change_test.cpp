#include "model/kept_change.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::OwnedChange;
using test::text;
using test::unchanged;

KeptChange kept_update(std::string& old_text, std::string& new_text) {
    const OwnedChange update(ChangeKind::update_full, {integer(1), text(old_text)},
                             {integer(2), text(new_text), unchanged()});
    return {update.change, Lsn{77}};
}

TEST(KeptChange, OutlivesTheMessageThatBroughtIt) {
    std::string old_text = "before";
    std::string new_text = "after";
    const KeptChange kept = kept_update(old_text, new_text);
    old_text = "??????";
    new_text = "?????";

    const RowChange change = kept.change();

    EXPECT_EQ(change.kind, ChangeKind::update_full);
    ASSERT_EQ(change.old_tuple.size(), 2U);
    ASSERT_EQ(change.new_tuple.size(), 3U);
    EXPECT_EQ(change.old_tuple[0].integer, 1);
    EXPECT_EQ(change.old_tuple[1].bytes, "before");
    EXPECT_EQ(change.new_tuple[0].integer, 2);
    EXPECT_EQ(change.new_tuple[1].bytes, "after");
    EXPECT_TRUE(change.new_tuple[2].is_unchanged_toast());
    EXPECT_EQ(kept.commit_lsn(), Lsn{77});
}

TEST(KeptChange, StaysWholeWhenItIsMoved) {
    std::string old_text = "before";
    std::string new_text = "after";
    std::vector<KeptChange> backlog;
    for (int i = 0; i < 20; ++i) backlog.push_back(kept_update(old_text, new_text));
    const std::vector<KeptChange> moved = std::move(backlog);

    EXPECT_EQ(moved.front().change().old_tuple[1].bytes, "before");
    EXPECT_EQ(moved.back().change().new_tuple[1].bytes, "after");
}

TEST(KeptChange, KnowsAnEmptyValueFromNull) {
    const OwnedChange insert(ChangeKind::insert, {}, {text(""), Value{}});
    const KeptChange kept(insert.change, Lsn{1});

    EXPECT_FALSE(kept.change().new_tuple[0].is_null());
    EXPECT_EQ(kept.change().new_tuple[0].bytes, "");
    EXPECT_TRUE(kept.change().new_tuple[1].is_null());
}

// A decoder's values keep what the row before left in them.
TEST(KeptChange, TouchesNoBytesOfAValueThatHasNone) {
    Value null;
    null.bytes = {reinterpret_cast<const char*>(8), 1 << 20};  // nowhere
    const OwnedChange insert(ChangeKind::insert, {}, {null, text("x")});
    const KeptChange kept(insert.change, Lsn{1});

    EXPECT_TRUE(kept.change().new_tuple[0].is_null());
    EXPECT_EQ(kept.change().new_tuple[1].bytes, "x");
    EXPECT_LT(kept.bytes(), 1000U);
}

TEST(KeptChange, CountsTheMemoryOfItsValues) {
    std::string small = "x";
    std::string large(5000, 'x');

    EXPECT_EQ(kept_update(small, large).bytes() - kept_update(small, small).bytes(), 4999U);
}

}  // namespace
}  // namespace walpack
