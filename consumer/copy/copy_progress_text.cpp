#include "copy/copy_progress_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

constexpr std::size_t kNameWidthMax = 40;
constexpr std::size_t kFiguresWidth = 64;  // of a table's line, behind the name, without chunks
constexpr std::size_t kChunksWidth = 10;
constexpr std::size_t kColumnsWithChunks = 100;  // of a terminal that has room for them
constexpr std::size_t kRowsMin = 3;
constexpr std::array<std::string_view, 4> kWords = {"waiting", "copying", "indexing", "done"};

std::string percent(double part) {
    return fmt::format("{}%", static_cast<int>(part * 100));
}

std::string bytes_text(const CopySpeed& speed) {
    if (speed.bytes_per_second < 1) return "";
    return human_bytes(static_cast<std::uint64_t>(speed.bytes_per_second)) + "/s";
}

std::string left_text(const CopySpeed& speed, double part_copied) {
    const bool is_copying = speed.left && part_copied < 1;
    return is_copying ? fmt::format("about {} left", human_time(*speed.left)) : "";
}

// What is known of both.
std::string with_speed(std::string text, const CopySpeed& speed, double part_copied) {
    for (const std::string& known : {bytes_text(speed), left_text(speed, part_copied)})
        if (!known.empty()) text += ", " + known;
    return text;
}

bool is_in_work(const TableFigures& table) {
    return table.state == TableCopyState::copying || table.state == TableCopyState::indexing;
}

int place(const TableFigures& table) {
    if (is_in_work(table)) return 0;
    return table.state == TableCopyState::waiting ? 1 : 2;
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return !continues_character(c); }));
}

// The first `width` characters.
std::string_view cut(std::string_view text, std::size_t width) {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < text.size(); ++at) {
        if (continues_character(text[at])) continue;
        if (seen++ == width) break;
    }
    return text.substr(0, at);
}

// Of control characters UTF-8 also has those from U+0080 to U+009F.
std::string printable(std::string_view name) {
    std::string shown;
    for (std::size_t at = 0; at < name.size(); ++at) {
        const auto byte = static_cast<unsigned char>(name[at]);
        const bool is_high_control =
            byte == 0xC2 && at + 1 < name.size() && static_cast<unsigned char>(name[at + 1]) < 0xA0;
        if (is_high_control) ++at;
        shown += byte < 0x20 || byte == 0x7F || is_high_control ? '?' : name[at];
    }
    return shown;
}

std::string padded(const std::string& text, std::size_t width) {
    const std::size_t has = width_of(text);
    return has < width ? text + std::string(width - has, ' ') : text;
}

std::string shortened(const std::string& name, std::size_t width) {
    if (width_of(name) <= width) return name;
    return width < 4 ? std::string(cut(name, width)) : std::string(cut(name, width - 3)) + "...";
}

std::string line(const std::string& text, std::size_t width) {
    std::string shown(cut(text, width));
    shown.erase(shown.find_last_not_of(' ') + 1);
    return shown + '\n';
}

std::string chunks_text(const TableFigures& table) {
    if (table.chunks_total <= 1) return "";
    return fmt::format("{}/{}", std::min(table.chunks_done, table.chunks_total),
                       table.chunks_total);
}

std::string table_line(const TableFigures& table, std::size_t name_width, bool has_chunks) {
    const bool has_begun = table.state != TableCopyState::waiting || table.rows > 0;
    return fmt::format(
        "{}  {:<8} {:>4} {:>{}}{:>13} {:>9} {:>11}  {}",
        padded(shortened(printable(table.name), name_width), name_width), word_of(table.state),
        has_begun ? percent(table.part_copied()) : "", has_chunks ? chunks_text(table) : "",
        has_chunks ? kChunksWidth : 0, has_begun ? fmt::format("{} rows", table.rows) : "",
        human_bytes(has_begun ? table.bytes : table.bytes_estimated), bytes_text(table.speed),
        table.speed.left ? human_time(*table.speed.left) : "");
}

std::string bar(double part, std::size_t width) {
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
    return '[' + std::string(std::min(filled, width), '#') +
           std::string(width - std::min(filled, width), ' ') + ']';
}

std::string total_line(const CopyFigures& figures, std::size_t width) {
    const std::string text =
        with_speed(fmt::format("{}  {}/{} tables, {} rows, {}", percent(figures.part_copied),
                               figures.count(TableCopyState::done), figures.tables.size(),
                               figures.rows, human_bytes(figures.bytes)),
                   figures.speed, figures.part_copied);
    constexpr std::size_t kBarMin = 10;
    constexpr std::size_t kBarMax = 30;
    const std::size_t taken = width_of(text) + 3;
    const std::size_t room = width > taken ? width - taken : 0;
    if (room < kBarMin) return text;
    return bar(figures.part_copied, std::min(room, kBarMax)) + ' ' + text;
}

// What had no room, by state.
std::string rest_line(const std::vector<const TableFigures*>& tables, std::size_t shown) {
    std::string states;
    for (const TableCopyState state : {TableCopyState::copying, TableCopyState::indexing,
                                       TableCopyState::waiting, TableCopyState::done}) {
        const auto count =
            std::count_if(tables.begin() + static_cast<std::ptrdiff_t>(shown), tables.end(),
                          [state](const TableFigures* table) { return table->state == state; });
        if (count > 0)
            states += fmt::format("{}{} {}", states.empty() ? "" : ", ", count, word_of(state));
    }
    return fmt::format("and {} more: {}", tables.size() - shown, states);
}

}  // namespace

std::string_view word_of(TableCopyState state) {
    return kWords.at(static_cast<std::size_t>(state));
}

std::optional<TableCopyState> state_of_word(std::string_view word) {
    const auto* found = std::ranges::find(kWords, word);
    if (found == kWords.end()) return std::nullopt;
    return static_cast<TableCopyState>(found - kWords.begin());
}

std::string speed_text(const CopyFigures& figures) {
    if (bytes_text(figures.speed).empty()) return "";
    return with_speed(fmt::format("{}, {:.0f} rows/s", percent(figures.part_copied),
                                  figures.speed.rows_per_second),
                      figures.speed, figures.part_copied);
}

std::string copied_text(const TableFigures& table) {
    const std::string text =
        fmt::format("{}, {} rows, {}", word_of(table.state), table.rows, human_bytes(table.bytes));
    if (table.state != TableCopyState::copying) return text;
    const std::string chunks =
        table.chunks_total == 0
            ? ""
            : fmt::format(", {} of {} chunks", table.chunks_done, table.chunks_total);
    return with_speed(fmt::format("{}, about {:.0f} %{}", text, table.part_copied() * 100, chunks),
                      table.speed, table.part_copied());
}

std::string human_time(std::chrono::seconds time) {
    const std::int64_t seconds = std::max<std::int64_t>(time.count(), 0);
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    if (seconds < kMinute) return fmt::format("{} s", seconds);
    if (seconds < kHour) return fmt::format("{} min {} s", seconds / kMinute, seconds % kMinute);
    if (seconds < kDay)
        return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
    return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

std::string progress_line(const CopyFigures& figures) {
    const auto in_work =
        figures.count(TableCopyState::copying) + figures.count(TableCopyState::indexing);
    std::string text = fmt::format(
        "{} of {} tables copied{}: {} rows, {}, {}", figures.count(TableCopyState::done),
        figures.tables.size(), in_work == 0 ? "" : fmt::format(", {} in work", in_work),
        figures.rows, human_bytes(figures.bytes), percent(figures.part_copied));
    const std::string left = left_text(figures.speed, figures.part_copied);
    const std::string speed = bytes_text(figures.speed);
    if (!speed.empty()) text += " at " + speed;
    if (!left.empty()) text += ", " + left;
    return text;
}

std::string live_view(const CopyFigures& figures, const ViewSize& size) {
    std::vector<const TableFigures*> tables;
    std::size_t name_width = 0;
    for (const TableFigures& table : figures.tables) {
        tables.push_back(&table);
        name_width = std::max(name_width, width_of(table.name));
    }
    std::ranges::stable_sort(tables, {}, [](const TableFigures* table) { return place(*table); });
    const bool has_chunks = size.columns >= kColumnsWithChunks;
    const std::size_t figures_width = kFiguresWidth + (has_chunks ? kChunksWidth : 0);
    const std::size_t room =
        size.columns > figures_width + 8 ? size.columns - figures_width : std::size_t{8};
    name_width = std::min({name_width, room, kNameWidthMax});

    const std::size_t lines = std::max(size.rows, kRowsMin) - 1;
    const bool fits = tables.size() <= lines;
    const std::size_t shown = fits ? tables.size() : lines - 1;
    std::string view;
    for (std::size_t index = 0; index < shown; ++index)
        view += line(table_line(*tables[index], name_width, has_chunks), size.columns);
    if (!fits) view += line(rest_line(tables, shown), size.columns);
    return view + line(total_line(figures, size.columns), size.columns);
}

}  // namespace walpack
