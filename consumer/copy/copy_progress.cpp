#include "copy/copy_progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace walpack {
namespace {

constexpr std::chrono::seconds kWindow{30};
// Within a shorter time a speed says nothing about the rest.
constexpr std::chrono::duration<double> kMeasurable{0.5};
constexpr double kSecondsLeftMax = 1e9;

double ratio(std::uint64_t done, std::uint64_t total) {
    return total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
}

// A table without any bytes weighs a little too.
double weight(const TableFigures& table) {
    return static_cast<double>(table.bytes_estimated) + 1;
}

void subtract(std::uint64_t& from, std::uint64_t amount) {
    from -= std::min(from, amount);
}

}  // namespace

double TableFigures::part_copied() const {
    if (state == TableCopyState::done || state == TableCopyState::indexing) return 1;
    const double by_chunks = ratio(chunks_done, chunks_total);
    const double by_rows = std::min(ratio(rows, rows_estimated), 0.99);
    return std::min(std::max(by_chunks, by_rows), 1.0);
}

std::size_t CopyFigures::count(TableCopyState state) const {
    return static_cast<std::size_t>(std::ranges::count(tables, state, &TableFigures::state));
}

CopyProgress::CopyProgress(Clock::time_point now) : start_(now) {}

std::size_t CopyProgress::add_table(TableFigures figures) {
    const std::lock_guard lock(mutex_);
    tables_.push_back(std::move(figures));
    return tables_.size() - 1;
}

void CopyProgress::restart_table(std::size_t table, TableFigures figures) {
    const std::lock_guard lock(mutex_);
    has_shrunk_ = has_shrunk_ || figures.rows < tables_.at(table).rows;
    tables_.at(table) = std::move(figures);
}

void CopyProgress::set_state(std::size_t table, TableCopyState state) {
    const std::lock_guard lock(mutex_);
    tables_.at(table).state = state;
}

void CopyProgress::add(std::size_t table, std::uint64_t rows, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    tables_.at(table).rows += rows;
    tables_.at(table).bytes += bytes;
}

void CopyProgress::take_back(std::size_t table, std::uint64_t rows, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    subtract(tables_.at(table).rows, rows);
    subtract(tables_.at(table).bytes, bytes);
}

void CopyProgress::add_chunk(std::size_t table) {
    const std::lock_guard lock(mutex_);
    ++tables_.at(table).chunks_total;
}

void CopyProgress::finish_chunk(std::size_t table) {
    const std::lock_guard lock(mutex_);
    TableFigures& figures = tables_.at(table);
    figures.chunks_done = std::min(figures.chunks_done + 1, figures.chunks_total);
}

void CopyProgress::reopen_chunks(std::size_t table, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    subtract(tables_.at(table).chunks_done, count);
}

CopyFigures CopyProgress::snapshot(Clock::time_point now) {
    CopyFigures figures;
    {
        const std::lock_guard lock(mutex_);
        figures.tables = tables_;
        if (std::exchange(has_shrunk_, false)) {
            window_.clear();
            table_windows_.clear();
            start_ = now;
        }
    }
    double total = 0;
    double copied = 0;
    for (const TableFigures& table : figures.tables) {
        figures.rows += table.rows;
        figures.bytes += table.bytes;
        total += weight(table);
        copied += weight(table) * table.part_copied();
    }
    figures.part_copied = total > 0 ? copied / total : 0;
    figures.elapsed = now - start_;
    measure(figures, now);
    return figures;
}

void CopyProgress::measure(CopyFigures& figures, Clock::time_point now) {
    // What an earlier run copied is no speed of this one.
    if (window_.is_empty())
        (void)window_.add({start_, figures.rows, figures.bytes, figures.part_copied});
    figures.speed = window_.add({now, figures.rows, figures.bytes, figures.part_copied});
    for (std::size_t number = 0; number < figures.tables.size(); ++number) {
        TableFigures& table = figures.tables[number];
        if (table.state != TableCopyState::copying) {
            table_windows_.erase(number);
            continue;
        }
        table.speed =
            table_windows_[number].add({now, table.rows, table.bytes, table.part_copied()});
    }
}

// Where nothing moves, or rows were taken back, there is no speed to go by.
CopySpeed SpeedWindow::add(const Sample& sample) {
    samples_.push_back(sample);
    while (samples_.size() > 2 && sample.at - samples_[1].at >= kWindow) samples_.pop_front();
    const Sample& before = samples_.front();
    const std::chrono::duration<double> time = sample.at - before.at;
    CopySpeed speed;
    if (time < kMeasurable) return speed;
    if (sample.bytes > before.bytes)
        speed.bytes_per_second = static_cast<double>(sample.bytes - before.bytes) / time.count();
    if (sample.rows > before.rows)
        speed.rows_per_second = static_cast<double>(sample.rows - before.rows) / time.count();
    const double part_per_second = (sample.part - before.part) / time.count();
    if (part_per_second <= 0) return speed;
    const double seconds = (1 - sample.part) / part_per_second;
    if (seconds < kSecondsLeftMax)
        speed.left = std::chrono::seconds(static_cast<std::int64_t>(std::ceil(seconds)));
    return speed;
}

}  // namespace walpack
