#include "copy/copy_progress_text.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace walpack {
namespace {

using std::chrono::seconds;

TableFigures table(const std::string& name, TableCopyState state) {
    TableFigures made;
    made.name = name;
    made.state = state;
    made.rows_estimated = 1000;
    made.bytes_estimated = 1 << 20;
    made.chunks_total = 4;
    if (state == TableCopyState::copying) {
        made.rows = 500;
        made.bytes = 512 << 10;
        made.chunks_done = 2;
        made.speed = {1000, 512 << 10, seconds(75)};
    }
    return made;
}

CopyFigures three_tables() {
    CopyFigures figures;
    figures.tables = {table("public.done", TableCopyState::done),
                      table("public.waits", TableCopyState::waiting),
                      table("public.copies", TableCopyState::copying)};
    figures.rows = 1500;
    figures.bytes = 3 << 19;
    figures.part_copied = 0.5;
    figures.speed = {4000, 2 << 20, seconds(200)};
    return figures;
}

TEST(CopyProgressLine, NamesTablesRowsSpeedAndTimeLeft) {
    EXPECT_EQ(progress_line(three_tables()),
              "1 of 3 tables copied, 1 in work: 1500 rows, 1.5 MB, 50% at 2.0 MB/s, about 3 min "
              "20 s left");
}

TEST(CopyProgressLine, LeavesOutWhatIsNotKnown) {
    CopyFigures figures = three_tables();
    figures.speed = {};
    figures.tables.pop_back();
    EXPECT_EQ(progress_line(figures), "1 of 2 tables copied: 1500 rows, 1.5 MB, 50%");
}

TEST(CopyLiveView, PutsWhatIsInWorkFirstAndTheTotalLast) {
    EXPECT_EQ(
        live_view(three_tables(), {.rows = 10, .columns = 100}),
        "public.copies  copying   50%        2/4     500 rows  512.0 kB  512.0 kB/s  1 min 15 s\n"
        "public.waits   waiting              0/4                 1.0 MB\n"
        "public.done    done     100%        0/4       0 rows   0 bytes\n"
        "[###############               ] 50%  1/3 tables, 1500 rows, 1.5 MB, 2.0 MB/s, about 3 "
        "min 20 s left\n");
}

TEST(CopyLiveView, HasRoomForSpeedAndTimeOnANarrowTerminal) {
    const std::string view = live_view(three_tables(), {.rows = 10, .columns = 80});
    EXPECT_NE(view.find("512.0 kB/s  1 min 15 s\n"), std::string::npos) << view;
    EXPECT_NE(view.find(" 1/3 tables, 1500 rows, 1.5 MB, 2.0 MB/s, about 3 min 20 s left\n"),
              std::string::npos)
        << view;
}

TEST(CopiedText, ShowsShareChunksSpeedAndTimeLeftOfWhatIsBeingCopied) {
    EXPECT_EQ(
        copied_text(table("t", TableCopyState::copying)),
        "copying, 500 rows, 512.0 kB, about 50 %, 2 of 4 chunks, 512.0 kB/s, about 1 min 15 s "
        "left");
    EXPECT_EQ(copied_text(table("t", TableCopyState::waiting)), "waiting, 0 rows, 0 bytes");
    TableFigures whole = table("t", TableCopyState::copying);
    whole.chunks_total = whole.chunks_done = 0;
    whole.speed = {};
    EXPECT_EQ(copied_text(whole), "copying, 500 rows, 512.0 kB, about 50 %");
}

TEST(CopyStateWord, IsReadAsItIsWritten) {
    for (const TableCopyState state : {TableCopyState::waiting, TableCopyState::copying,
                                       TableCopyState::indexing, TableCopyState::done})
        EXPECT_EQ(state_of_word(word_of(state)), state);
    EXPECT_EQ(state_of_word("requested"), std::nullopt);
}

TEST(CopyLiveView, CountsTheTablesThatHaveNoRoom) {
    CopyFigures figures = three_tables();
    for (int more = 0; more < 20; ++more) {
        figures.tables.push_back(table("public.more", TableCopyState::waiting));
    }
    const std::string view = live_view(figures, {.rows = 5, .columns = 80});
    EXPECT_EQ(std::ranges::count(view, '\n'), 5);
    EXPECT_NE(view.find("\nand 20 more: 19 waiting, 1 done\n"), std::string::npos) << view;
}

std::size_t longest_line(const std::string& view) {
    std::size_t longest = 0;
    for (std::size_t from = 0; from < view.size();) {
        const std::size_t end = view.find('\n', from);
        longest = std::max(longest, end - from);
        from = end + 1;
    }
    return longest;
}

TEST(CopyLiveView, IsNeverWiderThanTheTerminal) {
    CopyFigures figures = three_tables();
    figures.tables.push_back(table(std::string(300, 'n'), TableCopyState::copying));
    for (const std::size_t columns : {1U, 7U, 20U, 40U, 60U, 80U, 200U}) {
        EXPECT_LE(longest_line(live_view(figures, {.rows = 10, .columns = columns})), columns);
    }
}

TEST(CopyLiveView, ShowsNoCharacterThatSteersATerminal) {
    CopyFigures figures;
    figures.tables = {table("a\x1B[2Jb\nc\xC2\x9B", TableCopyState::waiting)};
    const std::string view = live_view(figures, {.rows = 5, .columns = 80});
    EXPECT_EQ(view.substr(0, 9), "a?[2Jb?c?");
}

TEST(CopyLiveView, CountsCharactersRatherThanBytes) {
    CopyFigures figures;
    figures.tables = {table("\xC3\xA4\xC3\xB6", TableCopyState::waiting),
                      table("abcd", TableCopyState::waiting)};
    const std::string view = live_view(figures, {.rows = 5, .columns = 80});
    EXPECT_EQ(view.substr(0, 16), "\xC3\xA4\xC3\xB6    waiting ") << view;
}

TEST(CopyLiveView, ShowsATotalWithoutTables) {
    EXPECT_EQ(live_view(CopyFigures(), {.rows = 5, .columns = 60}),
              "[                          ] 0%  0/0 tables, 0 rows, 0 bytes\n");
}

TEST(HumanTime, ShowsTheTwoLargestUnits) {
    EXPECT_EQ(human_time(seconds(0)), "0 s");
    EXPECT_EQ(human_time(seconds(59)), "59 s");
    EXPECT_EQ(human_time(seconds(200)), "3 min 20 s");
    EXPECT_EQ(human_time(seconds(7500)), "2 h 5 min");
    EXPECT_EQ(human_time(seconds(4 * 86400 + 3 * 3600)), "4 d 3 h");
}

}  // namespace
}  // namespace walpack
