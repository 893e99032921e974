#include "copy/copy_work.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

using Kind = CopyTask::Kind;
using Stage = CopyBuild::Stage;
using State = CopyChunk::State;

CopyBuild item(PostDataKind kind, std::vector<std::string> unique_columns = {}) {
    CopyBuild build;
    build.item.kind = kind;
    build.is_exclusive = kind == PostDataKind::key;
    build.unique_columns = std::move(unique_columns);
    return build;
}

class CopyWorkTest : public testing::Test {
  protected:
    CopyTable& add(const char* name, TableState state, ChunkMethod method = ChunkMethod::key,
                   std::size_t parts = 2) {
        auto table = std::make_unique<CopyTable>();
        table->stored.state = state;
        table->stored.method = method;
        table->stored.key_columns = {"id"};
        table->parts.resize(parts);
        for (std::size_t i = 0; i < parts; ++i)
            table->parts[i].stored.number = static_cast<std::uint32_t>(i);
        table->chunks.resize(method == ChunkMethod::whole ? 1 : parts);
        CopyTable& added = *table;
        tables_.by_name[{"public", name}] = std::move(table);
        return added;
    }
    // What there is to do at this moment.
    std::optional<CopyTask> next() { return work_.next_now(); }

    CopyTables tables_;
    CopyWork work_{tables_, 1000};
};

TEST_F(CopyWorkTest, EachPartIsGivenToOneWorker) {
    add("t", TableState::copying);

    EXPECT_EQ(next()->part, 0U);
    EXPECT_EQ(next()->part, 1U);
    EXPECT_FALSE(next().has_value());
}

TEST_F(CopyWorkTest, APartThatWasNotLoadedIsGivenAgain) {
    add("t", TableState::copying);
    const auto task = next();
    (void)next();

    work_.release(*task);

    EXPECT_EQ(next()->part, 0U);
}

TEST_F(CopyWorkTest, AChunkWhoseRowsAreBeingDeletedIsLeftAlone) {
    CopyTable& table = add("t", TableState::copying);
    table.chunks[0].state = State::withdrawn;

    EXPECT_EQ(next()->part, 1U);
}

TEST_F(CopyWorkTest, AChunkThatAskedAheadIsTaken) {
    CopyTable& table = add("t", TableState::copying);
    tables_.ask(table.chunks[0]);

    EXPECT_EQ(next()->part, 0U);
}

TEST_F(CopyWorkTest, OneWorkerBeginsAWholeTableAndOthersJoinItsSnapshot) {
    CopyTable& table = add("t", TableState::copying, ChunkMethod::whole, 3);
    ASSERT_EQ(next()->part, 0U);
    EXPECT_FALSE(next().has_value());
    tables_.ask(table.chunks[0]);
    EXPECT_FALSE(next().has_value());

    table.chunks[0].state = State::loading;
    table.exported_snapshot = "00000003-1";

    EXPECT_EQ(next()->part, 1U);
}

TEST_F(CopyWorkTest, EachWorkerLoadsATableOfItsOwnWhileThereAreSome) {
    CopyTable& first = add("a", TableState::copying);
    CopyTable& second = add("b", TableState::copying);

    const auto of_first = next();
    const auto of_second = next();
    ASSERT_EQ(of_first->table, &first);
    ASSERT_EQ(of_second->table, &second);
    second.parts[0].is_loaded = true;
    work_.release(*of_second);

    const auto then = next();
    EXPECT_EQ(then->table, &second) << "which nobody loads any more";
    EXPECT_EQ(then->part, 1U);
    EXPECT_EQ(next()->table, &first) << "where another worker is";
}

TEST_F(CopyWorkTest, AWorkerPlansAndBuildsBeforeItJoinsAnother) {
    CopyTable& loaded = add("a", TableState::copying, ChunkMethod::key, 3);
    CopyTable& waiting = add("b", TableState::waiting);
    CopyTable& built = add("c", TableState::building);
    built.builds.push_back(item(PostDataKind::key, {"id"}));
    assign_stages(built);
    ASSERT_EQ(next()->table, &loaded);

    const auto plan = next();
    EXPECT_EQ(plan->kind, Kind::plan);
    EXPECT_EQ(plan->table, &waiting);
    const auto build = next();
    EXPECT_EQ(build->kind, Kind::build);
    EXPECT_EQ(build->table, &built);

    EXPECT_EQ(next()->table, &loaded);
}

TEST_F(CopyWorkTest, ATableInOneSnapshotIsJoinedAtOnce) {
    CopyTable& other = add("a", TableState::copying);
    CopyTable& whole = add("b", TableState::copying, ChunkMethod::whole);
    const auto of_other = next();
    ASSERT_EQ(of_other->table, &other);
    ASSERT_EQ(next()->table, &whole);
    whole.chunks[0].state = State::loading;
    whole.exported_snapshot = "00000003-1";

    work_.release(*of_other);

    EXPECT_EQ(next()->table, &whole);
}

TEST_F(CopyWorkTest, WorkersShareATableWhenMuchIsKept) {
    CopyTable& first = add("a", TableState::copying);
    add("b", TableState::copying);
    ASSERT_EQ(next()->table, &first);

    tables_.backlog_bytes = 501;

    EXPECT_EQ(next()->table, &first);
}

TEST_F(CopyWorkTest, NobodyWaitsForTheSourceWhileThereAreRowsToLoad) {
    CopyTable& waits = add("a", TableState::requested);
    waits.dropped_from = Lsn{};
    waits.needs_required = true;
    CopyTable& loaded = add("b", TableState::copying);

    EXPECT_EQ(next()->table, &loaded);
    EXPECT_EQ(next()->table, &loaded);
    EXPECT_EQ(next()->table, &waits);
}

TEST_F(CopyWorkTest, ATableIsEmptiedOnlyWhenItsOldChangesAreCommitted) {
    CopyTable& table = add("t", TableState::requested);
    EXPECT_FALSE(next().has_value());
    table.dropped_from = Lsn{100};
    tables_.applied = {99};
    EXPECT_FALSE(next().has_value());

    tables_.applied = {100};

    EXPECT_EQ(next()->kind, Kind::empty);
}

TEST_F(CopyWorkTest, ATableIsEmptiedOnlyWhenNobodyLoadsItAnyMore) {
    CopyTable& table = add("t", TableState::copying);
    const auto load = next();
    table.stored.state = TableState::requested;
    table.dropped_from = Lsn{};
    EXPECT_FALSE(next().has_value());

    work_.release(*load);

    EXPECT_EQ(next()->kind, Kind::empty);
}

TEST_F(CopyWorkTest, KeysAreMadeOneBehindTheOtherAndBeforeIndexes) {
    CopyTable& table = add("t", TableState::building);
    table.builds = {};
    table.builds.push_back(item(PostDataKind::key, {"id"}));
    table.builds.push_back(item(PostDataKind::key, {"id", "n"}));
    table.builds.push_back(item(PostDataKind::index));
    assign_stages(table);

    const auto first = next();
    EXPECT_EQ(first->build, &table.builds.front());
    EXPECT_FALSE(next().has_value());
    table.builds[0].is_done = true;
    work_.release(*first);
    const auto second = next();
    EXPECT_EQ(second->build, &table.builds[1]);
    table.builds[1].is_done = true;
    work_.release(*second);
    EXPECT_FALSE(table.is_built);
    const auto third = next();
    EXPECT_EQ(third->build, &table.builds[2]);
    table.builds[2].is_done = true;
    work_.release(*third);

    EXPECT_TRUE(table.is_built);
}

// Nobody would be given it again, so nobody else would say so.
TEST_F(CopyWorkTest, WhatWasBuiltWhileAChunkWasTakenBackIsBuilt) {
    CopyTable& table = add("t", TableState::building);
    table.builds.push_back(item(PostDataKind::index));
    assign_stages(table);
    const auto task = next();
    table.stored.state = TableState::copying;

    task->build->is_done = true;
    work_.release(*task);

    EXPECT_TRUE(table.is_built);
}

TEST_F(CopyWorkTest, ATableIsFinishedWhenItIsSettledAndItsLastKeysAreMade) {
    CopyTable& table = add("t", TableState::settling);
    table.builds.push_back(item(PostDataKind::key, {"other"}));
    assign_stages(table);
    EXPECT_FALSE(next().has_value());
    table.is_settled = true;
    const auto build = next();
    EXPECT_EQ(build->kind, Kind::build);

    build->build->is_done = true;
    work_.release(*build);

    EXPECT_EQ(next()->kind, Kind::finish);
}

TEST_F(CopyWorkTest, WhatIsOfNoTableWaitsUntilAllAreReady) {
    CopyTable& table = add("t", TableState::settling);
    tables_.builds.push_back(item(PostDataKind::foreign_key));
    EXPECT_FALSE(next().has_value());
    EXPECT_FALSE(work_.is_complete());

    table.stored.state = TableState::ready;
    const auto task = next();
    EXPECT_EQ(task->build, &tables_.builds.front());
    task->build->is_done = true;
    work_.release(*task);

    EXPECT_TRUE(work_.is_complete());
}

TEST_F(CopyWorkTest, AStopEndsTheWaitForATask) {
    add("t", TableState::settling);
    StopRequest stop;
    stop.request();

    EXPECT_FALSE(work_.next(stop).has_value());
}

TEST(AssignStages, AKeyByWhichChangesFindTheirRowsComesFirst) {
    CopyTable table;
    table.stored.method = ChunkMethod::key;
    table.stored.key_columns = {"id"};
    table.builds.push_back(item(PostDataKind::key, {"other"}));
    table.builds[0].is_identity = true;

    assign_stages(table);

    EXPECT_EQ(table.builds[0].stage, Stage::key);
    EXPECT_FALSE(table.is_built);
}

TEST(AssignStages, AnotherUniqueIndexWaitsUntilChunksAreOfOneMoment) {
    CopyTable table;
    table.stored.method = ChunkMethod::key;
    table.stored.key_columns = {"id"};
    table.builds.push_back(item(PostDataKind::key, {"other"}));
    table.builds.push_back(item(PostDataKind::key, {"other", "id"}));

    assign_stages(table);

    EXPECT_EQ(table.builds[0].stage, Stage::settled);
    EXPECT_EQ(table.builds[1].stage, Stage::key) << "rows of two chunks differ in it";
}

TEST(AssignStages, AnIndexWithoutAllColumnsOfTheKeyWaits) {
    CopyTable table;
    table.stored.method = ChunkMethod::key;
    table.stored.key_columns = {"tenant", "id"};
    table.builds.push_back(item(PostDataKind::key, {"tenant", "other"}));
    table.builds.push_back(item(PostDataKind::key, {"id", "other", "tenant"}));

    assign_stages(table);

    EXPECT_EQ(table.builds[0].stage, Stage::settled);
    EXPECT_EQ(table.builds[1].stage, Stage::key);
}

TEST(AssignStages, AnExclusionConstraintWaitsAsWell) {
    CopyTable table;
    table.stored.method = ChunkMethod::key;
    table.stored.key_columns = {"id"};
    table.builds.push_back(item(PostDataKind::index));
    table.builds[0].is_exclusive = true;

    assign_stages(table);

    EXPECT_EQ(table.builds[0].stage, Stage::settled);
}

TEST(AssignStages, NothingWaitsInATableOfOneSnapshot) {
    CopyTable table;
    table.stored.method = ChunkMethod::whole;
    table.builds.push_back(item(PostDataKind::key, {"other"}));

    assign_stages(table);

    EXPECT_EQ(table.builds[0].stage, Stage::key);
}

}  // namespace
}  // namespace walpack
