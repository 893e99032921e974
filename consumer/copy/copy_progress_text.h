// The copy's figures for people: a line for the log, a picture for a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "copy/copy_progress.h"

namespace walpack {

// "3 of 7 tables copied, 2 in work: 1200 rows, 1.5 GB, 42% at 80.0 MB/s, about 2 min left".
std::string progress_line(const CopyFigures& figures);

// "42%, 1234 rows/s, 80.0 MB/s, about 2 min left"; empty when no rows came lately.
std::string speed_text(const CopyFigures& figures);

// "copying, 500 rows, 1.0 MB, about 42 %, 3 of 7 chunks, 12.0 MB/s, about 20 s left"; the shares
// and what follows only while it is being copied, and known.
std::string copied_text(const TableFigures& table);

// waiting, copying, indexing or done.
std::string_view word_of(TableCopyState state);
std::optional<TableCopyState> state_of_word(std::string_view word);

struct ViewSize {
    std::size_t rows = 24;  // of the whole view, at least 3
    std::size_t columns = 80;
};

// One line a table, those in work first, then waiting ones, then the finished: state, share, chunks
// done of all where there is room, rows, bytes, bytes a second and the time left; a line that
// counts what had no room; and the total with a bar. No line is wider than the view, each ends with
// a newline. Characters of names that could steer a terminal are shown as "?".
std::string live_view(const CopyFigures& figures, const ViewSize& size);

// "45 s", "3 min 20 s", "2 h 5 min", "4 d 3 h".
std::string human_time(std::chrono::seconds time);

}  // namespace walpack
