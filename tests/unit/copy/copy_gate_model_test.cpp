// Whatever happens beside the stream, and wherever it stops: the target comes to hold what the
// source holds. Everything is real but the servers (support/copy_model.h,
// support/copy_consumer_model.h).
#include <gtest/gtest.h>

#include "support/copy_consumer_model.h"

namespace walpack::test {
namespace {

constexpr int kSteps = 300;
constexpr int kStepsToEnd = 20'000;
constexpr std::size_t kBacklogBytesMax = 4000;

class ModelRun {
  public:
    explicit ModelRun(std::uint64_t seed)
        : chance_(seed * 2654435761U + 1),
          source_(chance_),
          is_at_standby_(chance_.one_in(3)),
          is_delayed_(chance_.one_in(2)) {
        for (std::size_t table = 0; table < kModelTables; ++table) {
            target_.states[table] = TableState::copying;
            target_.parts[table].resize(parts_of(table));
            target_.required[table] = source_.primary_snapshot(table).value().snapshot;
            target_.required_lsn[table] = source_.wal_end();
        }
        target_.position = disk_.position = durable_ = confirmed_ = source_.wal_end();
        flush();
        start();
    }

    void run() {
        for (int step = 0; step < kSteps; ++step) {
            if (chance_.one_in(2)) source_.step();
            const bool may_replay = !is_delayed_ || consumer_->fed() > source_.replayed() + 2;
            if (may_replay && chance_.one_in(8)) source_.replay();
            step_once();
            if (chance_.one_in(60)) crash();
            if (!chance_.one_in(150)) continue;
            consumer_->request(static_cast<std::size_t>(chance_.below(kModelTables)));
            flush();
        }
        source_.end_all();
        source_.replay_all();
        int left = kStepsToEnd;
        while (!is_at_end() && left-- > 0) step_once();
        ASSERT_TRUE(is_at_end()) << "it never ends";
        EXPECT_TRUE(target_.rows == source_.rows());
        EXPECT_EQ(consumer_->tables().backlog_bytes, 0U);
    }
    // In how many snapshots of a standby a doubt was settled.
    int settled() const { return settled_ + consumer_->settled(); }

  private:
    bool is_at_end() const {
        return consumer_->is_at_end() && consumer_->is_ready() &&
               consumer_->applied() >= source_.wal_end();
    }

    void step_once() {
        const int what = chance_.below(10);
        if (what < 4) return consumer_->feed(kBacklogBytesMax);
        if (what < 7) return consumer_->work_aside();
        if (what == 7 && !consumer_->is_inside() && consumer_->work()) return commit(true);
        if (what == 8 && !consumer_->is_inside()) return commit(chance_.one_in(2));
        if (what != 9) return;
        if (chance_.one_in(3)) flush();
        const Lsn confirmable = consumer_->confirmable(durable_);
        ASSERT_LE(confirmable, durable_);
        confirmed_ = std::max(confirmed_, confirmable);
    }

    void commit(bool is_durable) {
        consumer_->commit_group();
        if (!is_durable) return;
        flush();
        durable_ = target_.position;
    }
    void flush() { disk_ = target_; }

    void crash() {
        const int what = chance_.below(3);
        if (what == 0) target_ = disk_;
        if (what == 1) source_.restart();
        start();
    }
    void start() {
        if (consumer_) settled_ += consumer_->settled();
        consumer_.reset();
        durable_ = target_.position;
        // Of what was confirmed by the log the target has what it has applied, and no more.
        if (chance_.one_in(6)) confirmed_ = std::max(confirmed_, target_.position);
        if (target_.kept_from && *target_.kept_from < confirmed_) target_.give_up_kept();
        flush();
        consumer_.emplace(source_, target_, chance_, confirmed_, is_at_standby_);
    }

    Chance chance_;
    ModelSource source_;
    bool is_at_standby_;
    bool is_delayed_;  // a standby, behind what the stream has brought
    ModelTarget target_;
    ModelTarget disk_;
    Lsn durable_;
    Lsn confirmed_;
    int settled_ = 0;
    std::optional<ModelConsumer> consumer_;
};

TEST(CopyGate, BringsTheTargetToTheSourceWhateverComesBetween) {
    constexpr std::uint64_t kSeeds = 2000;
    int settled = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        try {
            ModelRun run(seed);
            run.run();
            settled += run.settled();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(settled, 0);
}

}  // namespace
}  // namespace walpack::test
