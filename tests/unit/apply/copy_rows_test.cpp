#include "apply/copy_rows.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using namespace std::string_literals;

constexpr int kServerVersion = 150000;
const std::string kHead = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"s;
const std::string kEnd = "\377\377"s;

Value null() {
    return {};
}

class CopyRowsTest : public ::testing::Test {
  protected:
    CopyRows rows_of(const MappingBuilder& builder, const std::vector<std::vector<Value>>& rows) {
        plan_.emplace(builder.map(), PlanOptions{.is_replica_role = true});
        TableBatch batch(*plan_);
        const CellEncoder encoder(kServerVersion);
        for (const std::vector<Value>& row : rows) {
            const OwnedChange change(ChangeKind::insert, {}, row);
            EXPECT_TRUE(batch.add(BatchKind::insert, change.change, {}, encoder));
        }
        return CopyRows(batch.take().front());
    }

    static std::string all_of(CopyRows rows, std::size_t piece_bytes) {
        std::string all;
        while (!rows.is_at_end()) all += rows.next(piece_bytes);
        return all;
    }

    std::optional<TablePlan> plan_;
};

MappingBuilder two_columns() {
    return MappingBuilder("t").key("id", "int2").column("v", "text").primary_key();
}

TEST_F(CopyRowsTest, PutsHeadAndEndAroundTheRows) {
    const std::string first = "\0\2\0\0\0\2\0\1\0\0\0\3one"s;
    const std::string second = "\0\2\0\0\0\2\0\2\0\0\0\0"s;
    EXPECT_EQ(
        all_of(rows_of(two_columns(), {{integer(1), text("one")}, {integer(2), text("")}}), 10'000),
        kHead + first + second + kEnd);
}

TEST_F(CopyRowsTest, TellsNullFromAnEmptyValue) {
    EXPECT_EQ(all_of(rows_of(two_columns(), {{integer(1), null()}}), 10'000),
              kHead + "\0\2\0\0\0\2\0\1\377\377\377\377"s + kEnd);
}

TEST_F(CopyRowsTest, LeavesGeneratedColumnsToTheTarget) {
    const MappingBuilder builder =
        MappingBuilder("t").key("id", "int2").column("sum", "int2").generated().primary_key();
    EXPECT_EQ(all_of(rows_of(builder, {{integer(1), integer(7)}}), 10'000),
              kHead + "\0\1\0\0\0\2\0\1"s + kEnd);
}

TEST_F(CopyRowsTest, KeepsArraysInBinary) {
    const MappingBuilder builder =
        MappingBuilder("t").key("id", "int2").array("a", "int4").primary_key();
    const std::string at_source = "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\5"s;
    const std::string on_target = "\0\0\0\1\0\0\0\0\0\0\0\115\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\5"s;
    EXPECT_EQ(all_of(rows_of(builder, {{integer(1), text(at_source)}}), 10'000),
              kHead + "\0\2\0\0\0\2\0\1\0\0\0\34"s + on_target + kEnd);
}

TEST_F(CopyRowsTest, ComesInPiecesOfWholeRows) {
    std::vector<std::vector<Value>> many;
    for (int id = 0; id < 100; ++id) many.push_back({integer(id), text("value")});
    const std::string whole = all_of(rows_of(two_columns(), many), 1'000'000);
    CopyRows rows = rows_of(two_columns(), many);
    const std::size_t row_bytes = 2 + 6 + 9;
    const std::string first = rows.next(100);
    EXPECT_EQ(first.size(), kHead.size() + 5 * row_bytes);
    EXPECT_EQ(first + all_of(std::move(rows), 100), whole);
}

}  // namespace
}  // namespace walpack
