#include "copy/copy_progress.h"

#include <thread>

#include <gtest/gtest.h>

namespace walpack {
namespace {

using std::chrono::seconds;

const CopyProgress::Clock::time_point kStart{std::chrono::hours(1)};

TableFigures table(std::uint64_t rows, std::uint64_t bytes, std::uint64_t chunks) {
    TableFigures made;
    made.name = "public.t";
    made.rows_estimated = rows;
    made.bytes_estimated = bytes;
    made.chunks_total = chunks;
    return made;
}

TEST(CopyProgress, AddsUpWhatThreadsCopied) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(100, 1000, 1));
    const std::size_t two = progress.add_table(table(100, 1000, 1));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&progress, one, two] {
            for (int piece = 0; piece < 1000; ++piece) {
                progress.add(one, 1, 10);
                progress.add(two, 2, 5);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const CopyFigures figures = progress.snapshot(kStart);
    EXPECT_EQ(figures.tables[one].rows, 4000U);
    EXPECT_EQ(figures.tables[two].bytes, 20'000U);
    EXPECT_EQ(figures.rows, 12'000U);
    EXPECT_EQ(figures.bytes, 60'000U);
}

TEST(CopyProgress, WeighsTablesByTheirSize) {
    CopyProgress progress(kStart);
    const std::size_t large = progress.add_table(table(0, 3'000'000, 4));
    progress.add_table(table(0, 1'000'000, 4));
    progress.finish_chunk(large);
    progress.finish_chunk(large);
    EXPECT_NEAR(progress.snapshot(kStart).part_copied, 0.375, 0.001);
}

TEST(CopyProgress, CountsAnIndexedTableAsCopied) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(100, 1000, 8));
    progress.set_state(one, TableCopyState::indexing);
    EXPECT_EQ(progress.snapshot(kStart).part_copied, 1);
    EXPECT_EQ(progress.snapshot(kStart).count(TableCopyState::indexing), 1U);
}

TEST(CopyProgress, IsNotCompleteBeforeTheLastChunkIs) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(100, 1000, 2));
    progress.add(one, 500, 5000);
    EXPECT_NEAR(progress.snapshot(kStart).tables[one].part_copied(), 0.99, 0.001);
    progress.finish_chunk(one);
    progress.finish_chunk(one);
    EXPECT_EQ(progress.snapshot(kStart).tables[one].part_copied(), 1);
}

TEST(CopyProgress, TakesBackWhatAFailedChunkAdded) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(100, 1000, 2));
    progress.add(one, 30, 300);
    progress.finish_chunk(one);
    progress.take_back(one, 20, 500);
    progress.reopen_chunks(one, 1);
    const CopyFigures figures = progress.snapshot(kStart);
    EXPECT_EQ(figures.tables[one].rows, 10U);
    EXPECT_EQ(figures.tables[one].bytes, 0U);
    EXPECT_EQ(figures.tables[one].chunks_done, 0U);
}

TEST(CopyProgress, MeasuresTheSpeedOfTheLastHalfMinute) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(1000, 1000, 1));
    for (int second = 0; second < 60; ++second) {
        progress.add(one, 1, second < 30 ? 1000 : 50);
        (void)progress.snapshot(kStart + seconds(second));
    }
    progress.add(one, 1, 50);
    EXPECT_NEAR(progress.snapshot(kStart + seconds(60)).speed.bytes_per_second, 50, 1);
}

TEST(CopyProgress, TellsTheTimeLeftFromTheSpeed) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(1000, 1000, 10));
    (void)progress.snapshot(kStart);
    EXPECT_EQ(progress.snapshot(kStart + seconds(1)).speed.left, std::nullopt);
    progress.add(one, 250, 1);
    EXPECT_EQ(progress.snapshot(kStart + seconds(10)).speed.left, seconds(30));
}

TEST(CopyProgress, MeasuresEachTableThatIsBeingCopied) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(1000, 1000, 10));
    const std::size_t two = progress.add_table(table(1000, 1000, 10));
    progress.set_state(one, TableCopyState::copying);
    progress.add(one, 100, 100);  // by an earlier run
    (void)progress.snapshot(kStart);
    progress.add(one, 300, 3000);
    progress.set_state(two, TableCopyState::copying);
    CopyFigures figures = progress.snapshot(kStart + seconds(10));
    EXPECT_NEAR(figures.tables[one].speed.rows_per_second, 30, 0.1);
    EXPECT_NEAR(figures.tables[one].speed.bytes_per_second, 300, 0.1);
    EXPECT_EQ(figures.tables[one].speed.left, seconds(20));
    EXPECT_EQ(figures.tables[two].speed.rows_per_second, 0);
    progress.add(two, 100, 1000);
    progress.set_state(one, TableCopyState::done);
    figures = progress.snapshot(kStart + seconds(20));
    EXPECT_EQ(figures.tables[one].speed.rows_per_second, 0);
    EXPECT_EQ(figures.tables[one].speed.left, std::nullopt);
    EXPECT_NEAR(figures.tables[two].speed.rows_per_second, 10, 0.1);
}

TEST(CopyProgress, DoesNotTakeAnEarlierRunForSpeed) {
    CopyProgress progress(kStart);
    TableFigures figures = table(1000, 1000, 10);
    figures.rows = 500;
    figures.bytes = 1'000'000;
    progress.add_table(figures);
    (void)progress.snapshot(kStart);
    EXPECT_EQ(progress.snapshot(kStart + seconds(10)).speed.bytes_per_second, 0);
    EXPECT_EQ(progress.snapshot(kStart + seconds(20)).speed.left, std::nullopt);
}

TEST(CopyProgress, ForgetsEarlierSpeedWhenATableBeginsAgain) {
    CopyProgress progress(kStart);
    const std::size_t one = progress.add_table(table(1000, 1000, 10));
    (void)progress.snapshot(kStart);
    progress.add(one, 500, 5000);
    EXPECT_NEAR(progress.snapshot(kStart + seconds(10)).speed.rows_per_second, 50, 0.1);
    progress.restart_table(one, table(1000, 1000, 10));
    EXPECT_EQ(progress.snapshot(kStart + seconds(11)).speed.rows_per_second, 0);
    progress.add(one, 200, 2000);
    const CopyFigures figures = progress.snapshot(kStart + seconds(13));
    EXPECT_NEAR(figures.speed.rows_per_second, 100, 0.1);
    EXPECT_EQ(figures.speed.left, seconds(8));
}

}  // namespace
}  // namespace walpack
