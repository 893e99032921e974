#include "apply/late_refusals.h"

#include <deque>
#include <memory>

#include <gmock/gmock.h>

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LateRefusalsTest : public testing::Test {
  protected:
    LateRefusalsTest() {
        relation_->schema = "public";
        relation_->name = "t";
    }

    // Of a row of one column.
    RowChange change(std::int64_t number) {
        values_.push_back({Value::Form::integer, {.integer = number}, {}});
        return {ChangeKind::insert, relation_, {}, Tuple(&values_.back(), 1)};
    }
    LateRefusal refusal(const std::string& constraint, const RowChange& change) {
        return {"23503", "message", "text", constraint, fingerprint_of(change)};
    }
    static RowOrigin origin(std::uint64_t lsn, std::uint64_t number) {
        return {Lsn{lsn}, 7, 0, number};
    }

    std::shared_ptr<Relation> relation_ = std::make_shared<Relation>();
    std::deque<Value> values_;
    LateRefusals refusals_;
};

TEST_F(LateRefusalsTest, KnowsRowsByTransactionNumberAndValues) {
    const RowChange two = change(2);
    const RowChange five = change(5);
    EXPECT_TRUE(refusals_.add(Lsn{100}, {{2, refusal("a", two)}, {5, refusal("b", five)}}));
    EXPECT_EQ(refusals_.find(origin(100, 1), two), nullptr);
    EXPECT_EQ(refusals_.find(origin(101, 2), two), nullptr);
    EXPECT_EQ(refusals_.find(origin(100, 2), five), nullptr);
    EXPECT_EQ(refusals_.find(origin(100, 2), two)->constraint, "a");
    EXPECT_EQ(refusals_.find(origin(100, 5), change(5))->constraint, "b");
}

TEST_F(LateRefusalsTest, RowsComeTogetherUntilNothingIsNew) {
    const RowChange two = change(2);
    const RowChange three = change(3);
    EXPECT_TRUE(refusals_.add(Lsn{100}, {{2, refusal("a", two)}}));
    EXPECT_FALSE(refusals_.add(Lsn{100}, {{2, refusal("a", two)}}));
    EXPECT_TRUE(refusals_.add(Lsn{100}, {{3, refusal("a", three)}}));
    EXPECT_NE(refusals_.find(origin(100, 2), two), nullptr);
    EXPECT_TRUE(refusals_.add(Lsn{200}, {{3, refusal("a", three)}}));
    EXPECT_EQ(refusals_.find(origin(100, 2), two), nullptr);
}

TEST_F(LateRefusalsTest, WhatIsDoubtedIsAGuess) {
    const RowChange two = change(2);
    EXPECT_TRUE(refusals_.add(Lsn{100}, {{2, refusal("a", two)}}));
    refusals_.doubt();
    EXPECT_EQ(refusals_.find(origin(100, 2), two), nullptr);
    EXPECT_THAT(refusals_.guess(Lsn{100}), ElementsAre(2));
    EXPECT_THAT(refusals_.guess(Lsn{200}), IsEmpty());
    EXPECT_TRUE(refusals_.add(Lsn{100}, {{2, refusal("a", two)}}));
    EXPECT_NE(refusals_.find(origin(100, 2), two), nullptr);
}

TEST_F(LateRefusalsTest, FingerprintsTellChangesApart) {
    const std::size_t one = fingerprint_of(change(1));
    EXPECT_EQ(one, fingerprint_of(change(1)));
    EXPECT_NE(one, fingerprint_of(change(2)));
    RowChange other = change(1);
    other.kind = ChangeKind::update;
    EXPECT_NE(one, fingerprint_of(other));
    relation_->name = "u";
    EXPECT_NE(one, fingerprint_of(change(1)));
}

// A row comes again behind another one, whose values the decoder leaves where it has none.
TEST_F(LateRefusalsTest, FingerprintsAreOfWhatTheFormsUse) {
    const Value null;
    const Value left{Value::Form::null, {.integer = 7}, "left over"};
    const RowChange one{ChangeKind::insert, relation_, {}, Tuple(&null, 1)};
    const RowChange other{ChangeKind::insert, relation_, {}, Tuple(&left, 1)};
    EXPECT_EQ(fingerprint_of(one), fingerprint_of(other));
}

}  // namespace
}  // namespace walpack
