#include "copy/copy_gate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using test::unchanged;
using State = CopyChunk::State;

constexpr std::size_t kMuch = 1 << 20;

SourceSnapshot snapshot(const char* text) {
    return SourceSnapshot::parse(text).value();
}

// A table of two chunks, cut at the key "m".
class CopyGateTest : public testing::Test, protected CopyGateOutput {
  protected:
    CopyGateTest() {
        auto table = std::make_unique<CopyTable>();
        auto published = std::make_shared<PublishedTable>();
        published->relation = mapping_->relation;
        published->replicates_updates = true;
        table->stored.oid = 1;
        table->stored.name = {"public", "t"};
        table->stored.state = TableState::copying;
        table->stored.method = ChunkMethod::key;
        table->stored.key_columns = {"id"};
        table->published = published;
        table->mapping = mapping_;
        ChunkPlan plan;
        plan.method = ChunkMethod::key;
        plan.key_attributes = {0};
        table->load = std::make_shared<const TableLoad>(make_table_load(published, mapping_, plan));
        table->parts.resize(2);
        table->parts[0].stored.range.to = KeyBound{"m", "m"};
        table->parts[1].stored.range.from = KeyBound{"m", "m"};
        table->parts[1].stored.number = 1;
        table->chunks.resize(2);
        table->is_built = true;
        table_ = table.get();
        tables_.by_name[table->stored.name] = std::move(table);
    }

    CopyGate& gate(Lsn resume_from = {1000}, Lsn position = {1000}) {
        if (!gate_) gate_.emplace(tables_, catalog_, resume_from, position, abort_);
        return *gate_;
    }
    void load(std::size_t chunk, State state, const char* seen = "100:100:", Lsn settled = {1000}) {
        table_->chunks[chunk].state = state;
        table_->chunks[chunk].snapshot = snapshot(seen);
        table_->chunks[chunk].settled_lsn = settled;
        table_->parts[chunk].is_loaded = state != State::loading;
    }
    void change(ChangeKind kind, std::vector<Value> old_tuple, std::vector<Value> new_tuple) {
        OwnedChange made(kind, std::move(old_tuple), std::move(new_tuple));
        made.change.relation = mapping_->relation;
        gate().change(made.change, *this);
    }
    // The same column as an array of bytes, in the relation of a change and not in the chunks'.
    void insert_of_another_kind() {
        OwnedChange made(ChangeKind::insert, {}, {integer(1), integer(1), text("big")});
        made.change.relation = MappingBuilder("t")
                                   .key("id", "int8")
                                   .column("n", "int4")
                                   .column("big", "text")
                                   .map()
                                   ->relation;
        gate().change(made.change, *this);
    }
    void insert(const char* key) {
        change(ChangeKind::insert, {}, {text(key), integer(1), text("big")});
    }

    void apply(const RowChange& change) override { applied_.push_back(change.kind); }
    void apply(const Truncate& /*truncate*/) override { ++truncates_; }
    void empty(const std::shared_ptr<const Relation>& relation) override {
        emptied_.push_back(relation->name);
    }
    void apply_kept(const RowChange& change, Lsn commit_lsn) override {
        kept_.push_back(commit_lsn);
        kept_of_.push_back(change.relation->name);
    }
    void command(std::string sql, const char* /*doing*/) override {
        commands_.push_back(std::move(sql));
    }
    void delete_rows(std::string sql, const char* /*doing*/, DeletedRows deleted) override {
        commands_.push_back(std::move(sql));
        deleted_.push_back(std::move(deleted.condition));
    }
    void begin_kept(const TableName& table) override { begun_.push_back(table.table); }
    void forget_mapping(const TableName& /*table*/) override {}

    std::shared_ptr<const RelationMapping> mapping_ =
        MappingBuilder("t").key("id", "text").column("n", "int4").column("big", "text").map();
    CopyTables tables_;
    CopyCatalog catalog_{"p"};
    StopRequest abort_;
    CopyTable* table_ = nullptr;
    std::optional<CopyGate> gate_;
    std::vector<ChangeKind> applied_;
    std::vector<Lsn> kept_;
    std::vector<std::string> kept_of_;  // tables
    std::vector<std::string> commands_;
    std::vector<std::string> deleted_;  // conditions
    std::vector<std::string> begun_;    // with kept changes to come
    int truncates_ = 0;
    std::vector<std::string> emptied_;
};

TEST_F(CopyGateTest, AChangeOfAWaitingChunkIsDroppedAndRemembered) {
    gate().begin({200, {2000}, 0});
    insert("a");

    EXPECT_TRUE(applied_.empty());
    EXPECT_EQ(tables_.not_applied.unseen, (UnseenTransactions{{Lsn{2000}, 200}}));
    EXPECT_NE(gate().closing_sql().at(0).find("200@0/7D0"), std::string::npos);
    EXPECT_TRUE(gate().closing_sql().empty()) << "it is stored once";
}

TEST_F(CopyGateTest, WhatTheSnapshotDoesNotSeeIsKeptAndHoldsTheSlotBack) {
    load(0, State::loading);
    gate().begin({200, {2000}, 0});
    insert("a");
    EXPECT_TRUE(applied_.empty());
    EXPECT_EQ(gate().floor({3000}), Lsn{2000});
}

TEST_F(CopyGateTest, WhatTheSnapshotSeesIsDropped) {
    load(0, State::live, "300:300:", {2100});
    gate().begin({200, {2000}, 0});
    insert("a");
    EXPECT_TRUE(applied_.empty());
    EXPECT_FALSE(gate().floor({3000}).has_value());
}

// Numbers come again, 2^32 later.
TEST_F(CopyGateTest, WhatCommitsBehindAllThatTheSnapshotSeesIsNotSeenWhateverItsNumber) {
    load(0, State::live, "300:300:", {2000});
    gate().begin({200, {2000}, 0});
    insert("a");
    EXPECT_FALSE(applied_.empty());
}

TEST_F(CopyGateTest, ALoadedChunkBecomesLiveWithWhatWasKept) {
    load(0, State::loaded);
    gate().begin({200, {2000}, 0});
    insert("a");
    EXPECT_TRUE(gate().work({2048}, {2048}, *this));
    gate().begin({201, {2100}, 0});
    insert("b");
    EXPECT_EQ(kept_, std::vector<Lsn>{Lsn{2000}});
    EXPECT_EQ(applied_, std::vector<ChangeKind>{ChangeKind::insert});
    EXPECT_FALSE(gate().floor({3000}).has_value());
    EXPECT_EQ(tables_.backlog_bytes, 0U);
}

TEST_F(CopyGateTest, ARowThatLeavesALiveChunkIsDeletedThereAndInsertedElsewhere) {
    load(0, State::live);
    load(1, State::loading);
    gate().begin({200, {2000}, 0});
    change(ChangeKind::update_key, {text("a")}, {text("z"), integer(1), text("big")});

    EXPECT_EQ(applied_, std::vector<ChangeKind>{ChangeKind::delete_key});
    ASSERT_EQ(table_->chunks[1].backlog.size(), 1U);
    EXPECT_EQ(table_->chunks[1].backlog[0].change().kind, ChangeKind::insert);
}

TEST_F(CopyGateTest, AChunkThatARowEntersWithoutAllItsValuesIsLoadedAgain) {
    load(1, State::live);
    gate().begin({200, {2000}, 0});
    change(ChangeKind::update_key, {text("a")}, {text("z"), integer(1), unchanged()});

    EXPECT_EQ(table_->chunks[1].state, State::withdrawn);
    ASSERT_FALSE(commands_.empty());
    EXPECT_EQ(commands_[0].substr(0, 6), "DELETE");
    ASSERT_EQ(deleted_.size(), 1U);
    EXPECT_NE(deleted_[0].find("$1"), std::string::npos) << "what is held of the rows is told";
    EXPECT_TRUE(tables_.not_applied.unseen.contains(Lsn{2000}));
    EXPECT_FALSE(gate().work({2048}, {2000}, *this));
    EXPECT_EQ(table_->chunks[1].state, State::withdrawn) << "its rows are still there";
    EXPECT_FALSE(gate().work({2048}, {2048}, *this));
    EXPECT_EQ(table_->chunks[1].state, State::waiting);
}

// A long key can be stored out of line itself.
TEST_F(CopyGateTest, AKeyThatIsNotInTheNewRowIsThatOfTheOldOne) {
    load(1, State::live);
    gate().begin({200, {2000}, 0});
    change(ChangeKind::update_key, {text("z")}, {unchanged(), integer(1), text("big")});

    EXPECT_EQ(applied_, std::vector<ChangeKind>{ChangeKind::update_key});
}

TEST_F(CopyGateTest, OnlyTheRowsOfTheChunkAreDeletedWhenItIsTakenBack) {
    load(0, State::live);
    load(1, State::loading);
    gate().begin({200, {2000}, 0});
    insert("z");

    gate().limit_backlog(0, *this);

    EXPECT_TRUE(commands_.empty()) << "nothing of the chunk is on the target";
    EXPECT_EQ(table_->chunks[1].state, State::waiting);
    EXPECT_EQ(table_->chunks[0].state, State::live);
}

// Before that is on the disk a crash brings the chunk back as it was loaded.
TEST_F(CopyGateTest, WhatWasKeptForAChunkThatIsTakenBackHoldsTheSlotUntilThatIsDurable) {
    load(0, State::loaded);
    gate().begin({200, {2000}, 0});
    insert("a");
    gate().begin({201, {2100}, 0});
    insert("b");
    gate().limit_backlog(0, *this);

    EXPECT_EQ(gate().floor({2100}), Lsn{2000});
    EXPECT_FALSE(gate().floor({2148}).has_value());
}

TEST_F(CopyGateTest, WhatIsKeptForTheSecondTimeNeverStopsTheStream) {
    load(0, State::loaded);
    gate({1000}, {5000}).begin({200, {2000}, 0});
    insert("a");

    gate().limit_backlog(0, *this);

    EXPECT_FALSE(gate().is_full(0));
    EXPECT_EQ(table_->chunks[0].backlog.size(), 1U);
    EXPECT_EQ(gate().floor({5000}), Lsn{1000}) << "until all of it is there";
    gate().note_stream_at({5000});
    EXPECT_TRUE(gate().is_full(0));
    EXPECT_FALSE(gate().is_full(kMuch));
}

TEST_F(CopyGateTest, ALiveChunkHasWhatComesForTheSecondTime) {
    load(0, State::live);
    gate({1000}, {5000}).begin({200, {2000}, 0});
    insert("a");
    EXPECT_TRUE(applied_.empty());

    gate().begin({201, {5000}, 0});
    insert("b");

    EXPECT_EQ(applied_.size(), 1U);
}

// Were it called ready before, a crash would have what the snapshot saw applied once more.
TEST_F(CopyGateTest, ATableIsSettledByWhatIsCommittedOnTheTarget) {
    load(0, State::loaded);
    load(1, State::loaded);
    table_->chunks[1].settled_lsn = {3000};
    EXPECT_TRUE(gate().work({4000}, {2000}, *this));
    EXPECT_FALSE(gate().work({4000}, {2000}, *this));
    EXPECT_FALSE(table_->is_settled);

    EXPECT_FALSE(gate().work({4000}, {4000}, *this));

    EXPECT_TRUE(table_->is_settled);
}

TEST_F(CopyGateTest, ATableThatIsToBeCopiedAgainTakesNoChanges) {
    load(0, State::live);
    table_->stored.state = TableState::requested;
    gate().begin({200, {2000}, 0});
    insert("a");

    EXPECT_TRUE(applied_.empty());
    EXPECT_FALSE(gate().work({2048}, {2048}, *this));
    EXPECT_EQ(table_->dropped_from, Lsn{2048});
}

TEST_F(CopyGateTest, WhatWasKeptIsAppliedUnderTheNameThatTheTableHasByThen) {
    load(0, State::loaded);
    load(1, State::loaded);
    gate().begin({200, {2000}, 0});
    insert("a");
    auto node = tables_.by_name.extract(table_->stored.name);
    node.key() = table_->stored.name = {"public", "renamed"};
    tables_.by_name.insert(std::move(node));
    EXPECT_TRUE(gate().work({2100}, {2100}, *this));

    EXPECT_EQ(kept_of_, std::vector<std::string>{"renamed"});
}

TEST_F(CopyGateTest, AKeyOfAnotherKindBeginsTheTableAgainWhereItsChunkMatters) {
    load(0, State::live);
    load(1, State::live);
    gate().begin({200, {2000}, 0});
    insert_of_another_kind();

    EXPECT_EQ(table_->stored.state, TableState::requested);
    EXPECT_TRUE(table_->needs_description);
    EXPECT_TRUE(applied_.empty());
    ASSERT_EQ(commands_.size(), 1U);
    EXPECT_NE(commands_[0].find("requested"), std::string::npos);
    EXPECT_EQ(tables_.not_applied.unseen, (UnseenTransactions{{Lsn{2000}, 200}}));
}

TEST_F(CopyGateTest, WhatIsOlderThanAllThatIsLoadedMayHaveAKeyOfAnotherKind) {
    load(0, State::live, "100:100:", {2100});
    gate().begin({50, {2000}, 0});
    insert_of_another_kind();
    EXPECT_EQ(table_->stored.state, TableState::copying);
    EXPECT_TRUE(commands_.empty());
}

// So it was with a publication of inserts alone, when the table was cut.
TEST_F(CopyGateTest, AnOldRowWithoutTheKeyBeginsTheTableAgain) {
    load(0, State::live);
    load(1, State::live);
    OwnedChange made(ChangeKind::delete_key, {integer(1)}, {});
    made.change.relation = MappingBuilder("t")
                               .column("id", "text")
                               .key("n", "int4")
                               .column("big", "text")
                               .map()
                               ->relation;
    gate().begin({200, {2000}, 0});
    gate().change(made.change, *this);

    EXPECT_EQ(table_->stored.state, TableState::requested);
}

TEST_F(CopyGateTest, ATableWithAnotherNameIsFoundWhileItIsCopied) {
    load(0, State::live);
    auto node = tables_.by_name.extract({"public", "t"});
    node.key() = {"public", "renamed"};
    tables_.by_name.insert(std::move(node));
    table_->stored.oid = mapping_->relation->oid;
    gate().begin({200, {2000}, 0});
    insert("a");

    EXPECT_EQ(applied_.size(), 1U);
    EXPECT_TRUE(tables_.unknown.empty());
}

TEST_F(CopyGateTest, ATruncateIsAppliedWhereAllChunksAreLive) {
    load(0, State::live);
    load(1, State::live);
    Truncate truncate;
    truncate.relations = {mapping_->relation};
    gate().begin({200, {2000}, 0});
    gate().truncate(truncate, *this);

    EXPECT_EQ(truncates_, 1);
    EXPECT_TRUE(commands_.empty());
}

// The other one is dropped: truncating this one alone may be forbidden by a foreign key.
TEST_F(CopyGateTest, ATruncateOfSeveralTablesIsNoTruncateWhenOneOfThemWaits) {
    load(0, State::live);
    load(1, State::live);
    auto waiting = std::make_shared<Relation>(*mapping_->relation);
    waiting->oid += 1000;
    waiting->name = "unknown";
    Truncate truncate;
    truncate.relations = {mapping_->relation, waiting};
    gate().begin({200, {2000}, 0});
    gate().truncate(truncate, *this);

    EXPECT_EQ(truncates_, 0);
    EXPECT_EQ(emptied_, std::vector<std::string>{mapping_->relation->name});
}

TEST_F(CopyGateTest, ATruncateEmptiesLiveChunksAndTakesBackThoseThatAreNot) {
    load(0, State::live);
    load(1, State::loading);
    Truncate truncate;
    truncate.relations = {mapping_->relation};
    gate().begin({200, {2000}, 0});
    gate().truncate(truncate, *this);

    EXPECT_EQ(truncates_, 0);
    ASSERT_EQ(commands_.size(), 1U);
    EXPECT_EQ(commands_[0].substr(0, 6), "DELETE");
    EXPECT_EQ(table_->chunks[0].state, State::live);
    EXPECT_EQ(table_->chunks[1].state, State::waiting);
}

// A worker that cannot find out whether its chunk is there would be waited for without end.
TEST_F(CopyGateTest, TheWaitForACommitEndsWithTheCopy) {
    load(0, State::loading);
    table_->chunks[0].committing = 1;
    tables_.failure = std::make_exception_ptr(Error(ErrorKind::config, "no way in any more"));
    gate().begin({200, {2000}, 0});

    EXPECT_THROW(insert("a"), Error);
}

}  // namespace
}  // namespace walpack
