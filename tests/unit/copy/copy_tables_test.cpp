#include "copy/copy_tables.h"

#include <chrono>

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

std::chrono::steady_clock::time_point now() {
    return std::chrono::steady_clock::now();
}

SourceSnapshot snapshot(const char* text) {
    return SourceSnapshot::parse(text).value();
}

SourceSnapshot standby(std::uint64_t replayed) {
    return SourceSnapshot::of_standby({replayed});
}

CopyTable table_of(ChunkMethod method, std::size_t parts) {
    CopyTable table;
    table.stored.method = method;
    table.parts.resize(parts);
    table.chunks.resize(method == ChunkMethod::whole ? 1 : parts);
    return table;
}

bool admits(CopyTables& tables, const CopyTable& table, const SourceSnapshot& snapshot,
            std::chrono::steady_clock::time_point asked_at) {
    CopyTable loading;
    loading.stored = table.stored;
    loading.chunks.resize(1);
    return tables.begin_loading(loading, 0, snapshot, Lsn{10'000}, asked_at);
}

TEST(CopyTables, AdmitsASnapshotOnlyIfItSeesWhatTheFirstOneSaw) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 1);
    table.stored.required = snapshot("100:110:105");

    EXPECT_FALSE(admits(tables, table, snapshot("100:108:105"), now()));
    EXPECT_TRUE(admits(tables, table, snapshot("105:110:105"), now()));
}

TEST(CopyTables, AdmitsNoSnapshotThatDoesNotSeeWhatWasDropped) {
    CopyTables tables;
    const CopyTable table = table_of(ChunkMethod::key, 1);
    EXPECT_TRUE(tables.note_not_applied(105, Lsn{1000}));

    EXPECT_FALSE(admits(tables, table, snapshot("105:110:105"), now()));
    EXPECT_TRUE(admits(tables, table, snapshot("110:110:"), now()));
    EXPECT_TRUE(tables.not_applied.unseen.empty());
}

TEST(CopyTables, RemembersNothingThatANewerSnapshotHasSeen) {
    CopyTables tables;
    const CopyTable table = table_of(ChunkMethod::key, 1);
    ASSERT_TRUE(tables.note_not_applied(105, Lsn{1000}));
    tables.note_seen(snapshot("110:110:"), now());

    EXPECT_TRUE(tables.not_applied.unseen.empty());
    EXPECT_FALSE(tables.note_not_applied(107, Lsn{1100}));
    EXPECT_FALSE(admits(tables, table, snapshot("105:110:105"), now()))
        << "it is older than that one";
}

// A source that crashes has fewer transactions afterwards, and gives their numbers to others.
TEST(CopyTables, AsksForNothingThatASourceMayHaveLostBeforeAnotherSession) {
    CopyTables tables;
    const CopyTable table = table_of(ChunkMethod::key, 1);
    ASSERT_TRUE(tables.note_not_applied(105, Lsn{1000}));
    tables.note_seen(snapshot("120:120:"), now());
    EXPECT_FALSE(admits(tables, table, snapshot("110:110:"), now()));
    const auto before = now();
    tables.begin_session();
    EXPECT_TRUE(tables.note_not_applied(112, Lsn{1100})) << "it has the number of one that is lost";
    EXPECT_FALSE(admits(tables, table, snapshot("120:120:"), before));
    tables.note_seen(snapshot("120:120:"), before);
    EXPECT_FALSE(admits(tables, table, snapshot("110:110:"), now()));
    EXPECT_TRUE(admits(tables, table, snapshot("113:113:"), now()));
}

TEST(CopyTables, IsNotTakenBackByAnOlderSnapshot) {
    CopyTables tables;
    ASSERT_TRUE(tables.note_not_applied(105, Lsn{1000}));
    tables.note_seen(snapshot("110:110:"), now());
    ASSERT_TRUE(tables.note_not_applied(112, Lsn{1200}));

    tables.note_seen(snapshot("100:113:108"), now());

    EXPECT_EQ(tables.not_applied.unseen.size(), 1U);
}

TEST(CopyTables, AdmitsAStandbyOnlyBehindTheLastTransactionThatWasDropped) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 1);
    table.stored.required = snapshot("100:100:");
    table.stored.required_lsn = {500};
    ASSERT_TRUE(tables.note_not_applied(105, Lsn{1000}));
    tables.note_seen(snapshot("110:110:"), now());

    EXPECT_FALSE(admits(tables, table, standby(1000), now()))
        << "that the primary saw it says nothing";
    EXPECT_TRUE(admits(tables, table, standby(1048), now()));
}

TEST(CopyTables, AdmitsAStandbyOnlyBehindWhereTheStreamBeganAgain) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 1);
    table.stored.required_lsn = {500};
    tables.resumed_at = {2000};

    EXPECT_FALSE(admits(tables, table, standby(1999), now()));
    EXPECT_TRUE(admits(tables, table, standby(2000), now()));
}

TEST(CopyTables, AsksAheadForTheNextChunksThatNobodyHasInHandButNotForMany) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 40);
    table.stored.state = TableState::copying;
    table.parts[0].is_taken = true;
    table.parts[1].cut_off.emplace();
    for (int i = 0; i < 40; ++i) tables.ask_ahead(table);
    for (std::size_t place = 0; place < 40; ++place)
        EXPECT_EQ(table.chunks[place].asked.has_value(), place >= 2 && place < 18) << place;

    CopyTable whole = table_of(ChunkMethod::whole, 2);
    whole.stored.state = TableState::copying;
    tables.ask_ahead(whole);
    EXPECT_FALSE(whole.chunks[0].asked.has_value());
}

// A chunk that asks for a snapshot, of a table of one; transaction 105 came before, 107 since.
class AskingChunk : public testing::Test {
  protected:
    AskingChunk() {
        tables_.resumed_at = Lsn{500};
        EXPECT_TRUE(tables_.note_not_applied(105, Lsn{1000}));
        tables_.ask(chunk());
        keep(107, Lsn{2000});
    }

    CopyChunk& chunk() { return table_.chunks[0]; }
    void keep(std::uint32_t xid, Lsn commit_lsn) {
        test::OwnedChange made(ChangeKind::insert, {}, {test::integer(1)});
        made.change.relation = mapping_->relation;
        EXPECT_TRUE(tables_.note_not_applied(xid, commit_lsn));
        tables_.keep(chunk(), made.change, xid, commit_lsn);
    }
    bool begin_loading(const SourceSnapshot& snapshot, Lsn settled_lsn = Lsn{5000}) {
        return tables_.begin_loading(table_, 0, snapshot, settled_lsn, now());
    }

    CopyTables tables_;
    CopyTable table_ = table_of(ChunkMethod::key, 1);
    std::shared_ptr<const RelationMapping> mapping_ =
        test::MappingBuilder("t").key("id", "int4").map();
};

TEST_F(AskingChunk, IsLoadedUnderASnapshotThatSeesWhatCameBeforeItAsked) {
    EXPECT_FALSE(begin_loading(snapshot("105:106:105")));
    ASSERT_TRUE(begin_loading(snapshot("106:106:")));
    EXPECT_EQ(chunk().state, CopyChunk::State::loading);
    EXPECT_EQ(chunk().backlog.size(), 1U) << "it does not see 107";
    EXPECT_EQ(tables_.not_applied.unseen, (UnseenTransactions{{Lsn{2000}, 107}}));
}

TEST_F(AskingChunk, KeepsNothingThatItsSnapshotSees) {
    keep(109, Lsn{3000});
    ASSERT_TRUE(begin_loading(snapshot("109:110:109")));
    ASSERT_EQ(chunk().backlog.size(), 1U);
    EXPECT_EQ(chunk().backlog.front().commit_lsn(), Lsn{3000});
    EXPECT_EQ(tables_.backlog_bytes, chunk().backlog.front().bytes());
    EXPECT_EQ(chunk().backlog_bytes, tables_.backlog_bytes);
}

TEST_F(AskingChunk, TakesAStandbyThatHasNotReplayedWhatCameSince) {
    EXPECT_FALSE(begin_loading(standby(1000)));
    ASSERT_TRUE(begin_loading(standby(1048), Lsn{1048}));
    EXPECT_EQ(chunk().backlog.size(), 1U);
}

// Whose commit record is the next one: it may be visible already.
TEST_F(AskingChunk, TakesNoStandbyThatIsJustAtACommitThatIsKept) {
    EXPECT_FALSE(begin_loading(standby(2000)));
    EXPECT_EQ(chunk().asked->doubtful_for(standby(2000)), 107U);
    EXPECT_EQ(chunk().asked->doubtful_for(standby(2048)), std::nullopt);
    ASSERT_TRUE(begin_loading(standby(2048), Lsn{2048}));
    EXPECT_TRUE(chunk().backlog.empty());
}

TEST_F(AskingChunk, TakesAStandbyOfWhichItIsKnownThatTheNextCommitIsNotVisible) {
    SourceSnapshot settled = standby(2000);
    settled.settle_doubt();
    EXPECT_EQ(chunk().asked->doubtful_for(settled), std::nullopt);
    ASSERT_TRUE(begin_loading(settled, Lsn{2000}));
    EXPECT_EQ(chunk().backlog.size(), 1U);
}

// What earlier snapshots saw may be lost with a source that has crashed.
TEST_F(AskingChunk, AsksAnewInAnotherSessionOfTheStream) {
    tables_.begin_session();
    EXPECT_FALSE(begin_loading(snapshot("110:110:")));
    tables_.ask(chunk());
    EXPECT_TRUE(chunk().backlog.empty());
    EXPECT_EQ(tables_.backlog_bytes, 0U);
    EXPECT_FALSE(begin_loading(snapshot("106:106:"))) << "107 is not kept any more";
    EXPECT_TRUE(begin_loading(snapshot("110:110:")));
}

TEST_F(AskingChunk, WaitsAgainWhereNoWorkerHasItInHand) {
    table_.parts[0].is_taken = true;
    tables_.stop_asking_ahead(table_);
    EXPECT_EQ(chunk().state, CopyChunk::State::asking);

    table_.parts[0].is_taken = false;
    tables_.stop_asking_ahead(table_);
    EXPECT_EQ(chunk().state, CopyChunk::State::waiting);
    EXPECT_EQ(tables_.backlog_bytes, 0U);
}

TEST(CopyTables, AChunkThatIsResetWaitsWithoutBacklog) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 2);
    table.parts[0].is_loaded = table.parts[1].is_loaded = true;
    CopyChunk& chunk = table.chunks[1];
    chunk.state = CopyChunk::State::loading;
    chunk.snapshot = snapshot("100:100:");
    chunk.backlog_bytes = tables.backlog_bytes = 700;

    tables.reset(table, 1);

    EXPECT_EQ(chunk.state, CopyChunk::State::waiting);
    EXPECT_FALSE(chunk.snapshot.has_value());
    EXPECT_EQ(chunk.generation, 1U);
    EXPECT_EQ(tables.backlog_bytes, 0U);
    EXPECT_TRUE(table.parts[0].is_loaded);
    EXPECT_FALSE(table.parts[1].is_loaded);
}

TEST(CopyTables, AllPartsOfAWholeTableAreResetTogether) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::whole, 2);
    table.parts[0].is_loaded = table.parts[1].is_loaded = true;
    table.exported_snapshot = "00000003-1";

    tables.reset(table, 0);

    EXPECT_FALSE(table.parts[0].is_loaded);
    EXPECT_FALSE(table.parts[1].is_loaded);
    EXPECT_EQ(table.exported_snapshot, "");
}

// Otherwise the gate would not wait for the one that is on its way.
TEST(CopyTables, ACommitOnItsWayIsStillCountedAfterAReset) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 1);
    table.chunks[0].committing = 1;

    tables.reset(table, 0);

    EXPECT_EQ(table.chunks[0].committing, 1);
}

TEST(CopyTables, WhatIsCutOffBecomesTheNextPartAndKeepsItsNumber) {
    CopyTables tables;
    CopyTable table = table_of(ChunkMethod::key, 2);
    table.parts[1].stored.number = 1;
    table.chunks[1].generation = 7;
    StoredChunk upper;
    upper.number = table.new_number();
    upper.range.from = KeyBound{"5", "5"};
    table.parts[0].cut_off = upper;
    tables.cut_parts(table);
    ASSERT_EQ(table.parts.size(), 3U);
    EXPECT_EQ(table.parts[0].stored.range.to, upper.range.from);
    EXPECT_EQ(table.parts[1].stored.range.from, upper.range.from);
    EXPECT_EQ(table.place_of(2), 1U);
    EXPECT_EQ(table.place_of(1), 2U);
    EXPECT_EQ(table.chunks[2].generation, 7U);
    EXPECT_EQ(table.chunks[1].state, CopyChunk::State::waiting);
}

}  // namespace
}  // namespace walpack
