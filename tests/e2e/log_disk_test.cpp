// The log's own disk fails: what is not safe there stays at the source.
#include <fstream>

#include "support/log_scenario.h"
#include "support/scratch.h"
#include "support/small_disk.h"

namespace walpack::e2e {
namespace {

class LogDisk : public LogScenario {
  protected:
    void SetUp() override {
        LogScenario::SetUp();
        consumer().set("confirm", "\"logged\"");
        consumer().set("log_memory_max", "\"1MB\"");
    }

    // While the file of this name is there no fsync of the consumer succeeds.
    std::string prepare_sync_fault() {
        std::string fault = new_scratch_path("sync_fault");
        consumer().set_environment("LD_PRELOAD", WALPACK_SYNC_FAULT);
        consumer().set_environment("ASAN_OPTIONS", "verify_asan_link_order=0");
        consumer().set_environment("WALPACK_TEST_SYNC_FAULT", fault);
        return fault;
    }
    std::ptrdiff_t count_unsynced() {
        return std::ranges::count_if(
            std::filesystem::directory_iterator(log_directory()),
            [](const auto& file) { return file.path().extension() == ".unsynced"; });
    }

    // Nothing is confirmed that is nowhere else; the target may have it from memory.
    void expect_source_keeps(std::int64_t bytes) {
        const std::int64_t before = retained();
        write_megabytes(static_cast<int>(2 * bytes / kMegabyte));
        std::this_thread::sleep_for(milliseconds(1500));
        EXPECT_GT(retained(), before + bytes);
    }
};

TEST_F(LogDisk, WhileItIsFullTheSourceKeepsWhatFollows) {
    SmallDisk disk(24);
    if (!disk.is_mounted()) GTEST_SKIP() << "mounting is not permitted";
    set_log_directory(disk.folder() + "/log");
    begin();
    target_cluster().stop("fast");
    write_megabytes(2);
    wait_until_source_may_remove_wal();
    disk.fill();
    expect_source_keeps(4 * kMegabyte);
    EXPECT_TRUE(contains(consumer().log(), "No space left on device"));
    EXPECT_TRUE(contains(consumer().command("status").output, "No space left on device"));
    EXPECT_FALSE(consumer().has_given_up());
    // Neither is it fatal to begin with a full disk.
    consumer().kill();
    consumer().start();
    expect_source_keeps(2 * kMegabyte);
    disk.make_room();
    wait_until_source_may_remove_wal();
    consumer().kill();
    consumer().start();
    target_cluster().start();
    catch_up();
    expect_equal();
    EXPECT_EQ(consumer().terminate(seconds(20)), 0);
}

TEST_F(LogDisk, OneThatIsFullAtTheFirstStartIsWaitedFor) {
    SmallDisk disk(24);
    if (!disk.is_mounted()) GTEST_SKIP() << "mounting is not permitted";
    set_log_directory(disk.folder() + "/log");
    consumer().init();
    disk.fill();
    consumer().start();
    wait_until("the log says why", seconds(20), [&] {
        return consumer().log().find("No space left on device") != std::string::npos;
    });
    EXPECT_FALSE(consumer().has_given_up());
    disk.make_room();
    catch_up();
    expect_equal();
}

// Targets that are there are served from memory meanwhile.
TEST_F(LogDisk, WhileItIsFullTargetsGoOn) {
    SmallDisk disk(24);
    if (!disk.is_mounted()) GTEST_SKIP() << "mounting is not permitted";
    set_log_directory(disk.folder() + "/log");
    begin();
    disk.fill();
    write_megabytes(6);
    catch_up();
    expect_equal();
    wait_until_source_may_remove_wal();
    disk.make_room();
    write_megabytes(2);
    catch_up();
    expect_equal();
}

// A write that only seemed to be safe is written again, and counts when that is.
TEST_F(LogDisk, WhileItCannotSyncTheSourceKeepsWhatFollows) {
    const std::string fault = prepare_sync_fault();
    begin();
    target_cluster().stop("fast");
    write_megabytes(2);
    wait_until_source_may_remove_wal();
    std::ofstream(fault) << "";
    expect_source_keeps(2 * kMegabyte);
    EXPECT_TRUE(contains(consumer().log(), "could not sync"));
    EXPECT_TRUE(contains(consumer().log(), "Input/output error"));
    EXPECT_FALSE(consumer().has_given_up());
    std::remove(fault.c_str());
    wait_until_source_may_remove_wal();
    consumer().kill();
    consumer().start();
    target_cluster().start();
    catch_up();
    expect_equal();
}

// It had left memory when nothing needed it to be safe, and the fsync that was to make it so
// failed: one more of the same file would say nothing.
TEST_F(LogDisk, WhatItCouldNotSyncCountsAfterItIsWrittenAnew) {
    const std::string fault = prepare_sync_fault();
    consumer().set("confirm", "\"applied\"");
    consumer().set("wal_budget", "\"8MB\"");
    begin();
    target_cluster().stop("fast");
    write_megabytes(5);
    wait_until("most has left memory", seconds(20), [&] { return bytes_of_log() > 3 * kMegabyte; });
    std::ofstream(fault) << "";
    write_megabytes(6);
    wait_until("it is noted", seconds(20), [&] { return count_unsynced() == 1; });
    EXPECT_GT(retained(), 10 * kMegabyte);
    consumer().kill();
    consumer().start();
    // It can neither be written anew nor does a fsync of the last file succeed.
    EXPECT_TRUE(consumer().wait_exit(seconds(20)).has_value());
    EXPECT_TRUE(contains(consumer().log(), ".log\": Input/output error"));
    EXPECT_TRUE(contains(consumer().log(), "until it is written anew"));
    EXPECT_GE(count_unsynced(), 1);
    std::remove(fault.c_str());
    consumer().start();
    wait_until_source_may_remove_wal();
    EXPECT_TRUE(contains(consumer().log(), "anew, as a fsync of it had failed"));
    EXPECT_EQ(count_unsynced(), 0);
    consumer().kill();
    consumer().start();
    target_cluster().start();
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
