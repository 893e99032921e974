#include "copy/chunk_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "copy/chunk_key.h"
#include "copy/source_rows.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr std::uint64_t kChunksMax = 10'000;
// A chunk smaller than such a part of what it may be is not worth a worker of its own.
constexpr double kSmallestShare = 8;
// Rows of one page often lie next to each other in the key's order, so what counts is pages.
constexpr double kSampledPagesPerChunk = 30;
constexpr double kSampledRowsPerChunk = 100;
constexpr double kPagesReadWhole = 1000;  // a table of so few pages needs no sampling
constexpr double kSampledPagesToCount = 300;
// A chunk of the key may be so many times larger than it should be.
constexpr std::size_t kLargestMax = 4;

// A row for the table, or for each partition with rows of its own. Without ANALYZE reltuples is -1
// (0 in old catalogues), and relpages says to how many pages it belongs.
constexpr const char* kReadSize = R"(
SELECT pg_catalog.pg_table_size(c.oid), s.pages,
    CASE WHEN c.reltuples >= 0 AND c.relpages > 0
        THEN (c.reltuples::pg_catalog.float8 / c.relpages * s.pages)::pg_catalog.int8
        ELSE 0 END,
    c.relkind
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'r' THEN pg_catalog.pg_relation_size(c.oid)
    / pg_catalog.current_setting('block_size')::pg_catalog.int8 ELSE 0 END AS pages) s
WHERE c.relkind <> 'p' AND c.oid = ANY (ARRAY(
    SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid) t
    UNION SELECT $1::pg_catalog.oid)))";

double rounded_up(double number) {
    return std::ceil(std::max(number, 1.0));
}

class Planning {
  public:
    Planning(Connection& source, const PublishedTable& table, const ChunkPlanOptions& options)
        : source_(source), table_(table), options_(options) {}

    ChunkPlan run() {
        read_size();
        if (has_other_storage_) {
            plan_.pages = {PageRange{}};
            plan_.reason = "read whole, as a partition of it is a foreign table";
            return std::move(plan_);
        }
        if (plan_.rows_estimated == 0 && pages_ > 0) estimate_rows();
        auto keys = read_chunk_keys(source_, table_);
        std::size_t forbidden = 0;
        if (options_.may_cut_by)
            forbidden = std::erase_if(
                keys, [this](const ChunkKey& key) { return !options_.may_cut_by(key.attributes); });
        if (keys.empty()) {
            cut_pages();
            plan_.reason = fmt::format(
                "read whole in {}, as {}", counted(plan_.pages.size(), "range"),
                forbidden > 0 ? "a unique index that the target has without the column "
                                "to cut it by holds rows of all parts against each other"
                              : "no unique key serves to cut it");
        } else if (chunks() == 1) {
            take(keys.front(), {{KeyRange{}}, 1});
        } else if (!cut_by_one_of(keys)) {
            cut_pages();
            plan_.reason = fmt::format(
                "read whole in {}, as the keys that serve to cut it have too few values",
                counted(plan_.pages.size(), "range"));
        }
        return std::move(plan_);
    }

  private:
    static std::string counted(std::size_t count, const char* what) {
        return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    }

    void read_size() {
        const Result size = source_.execute(kReadSize, {std::to_string(table_.relation->oid)});
        for (int row = 0; row < size.rows(); ++row) {
            plan_.bytes_estimated += count_at(size, row, 0);
            pages_ += count_at(size, row, 1);
            pages_of_each_.push_back(count_at(size, row, 1));
            plan_.rows_estimated += count_at(size, row, 2);
            has_other_storage_ = has_other_storage_ || size.value(row, 3) != "r";
        }
    }

    void estimate_rows() {
        const double percent = percent_of(kSampledPagesToCount);
        const std::string sample =
            percent < 100 ? fmt::format(" TABLESAMPLE SYSTEM ({:f})", percent) : "";
        const auto count = source_.query_value(
            fmt::format("SELECT pg_catalog.count(*) FROM {}{}", rows_of(table_), sample));
        plan_.rows_estimated = static_cast<std::uint64_t>(std::stod(count.value_or("0")) * 100 /
                                                          std::min(percent, 100.0));
    }

    double percent_of(double pages) const {
        const double percent =
            pages * 100 / static_cast<double>(std::max<std::uint64_t>(pages_, 1));
        return static_cast<double>(pages_) <= kPagesReadWhole || percent > 50 ? 100 : percent;
    }

    // A table of less than one and a half chunks is one. But each worker gets as many, so that none
    // is left alone with the last of a table, unless they would become too small.
    std::uint64_t chunks() const {
        const double wanted = static_cast<double>(plan_.bytes_estimated) /
                              static_cast<double>(std::max<std::uint64_t>(options_.chunk_bytes, 1));
        const double needed = wanted < 1.5 ? 1 : std::ceil(wanted);
        const auto workers = static_cast<double>(std::max<std::uint64_t>(options_.workers, 1));
        const double even = std::ceil(needed / workers) * workers;
        const double most = std::max(needed, std::floor(wanted * kSmallestShare));
        return std::min(static_cast<std::uint64_t>(std::min(even, most)), kChunksMax);
    }

    bool cut_by_one_of(const std::vector<ChunkKey>& keys) {
        for (const ChunkKey& key : keys) {
            CutRanges cut = cut_at(read_bounds(key));
            if (cut.largest > kLargestMax) continue;
            take(key, std::move(cut));
            return true;
        }
        return false;
    }

    // A sample that comes out too small, as of a table that is nearly empty, is taken again larger.
    std::vector<KeyBound> read_bounds(const ChunkKey& key) {
        const auto parts = static_cast<double>(chunks());
        const double rows_per_page =
            rounded_up(static_cast<double>(plan_.rows_estimated) /
                       static_cast<double>(std::max<std::uint64_t>(pages_, 1)));
        double percent = percent_of(
            parts * std::max(kSampledPagesPerChunk, kSampledRowsPerChunk / rows_per_page));
        while (true) {
            std::vector<KeyBound> bounds = query_bounds(key, percent);
            if (!bounds.empty() || percent >= 100) return bounds;
            percent = percent >= 10 ? 100 : percent * 10;
        }
    }

    std::vector<KeyBound> query_bounds(const ChunkKey& key, double percent) {
        const Result result = source_.execute(bounds_sql(table_, key, chunks(), percent));
        std::vector<KeyBound> bounds;
        for (int row = 0; row < result.rows(); ++row)
            bounds.push_back(bound_at(result, row, table_, key.attributes));
        return bounds;
    }

    void take(const ChunkKey& key, CutRanges cut) {
        plan_.method = ChunkMethod::key;
        plan_.key_attributes = key.attributes;
        plan_.ranges = std::move(cut.ranges);
        std::string columns;
        for (const std::size_t attribute : key.attributes)
            columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ",
                                   table_.relation->attributes[attribute].name);
        plan_.reason =
            fmt::format("{} of column{} {}, of {}", counted(plan_.ranges.size(), "range"),
                        key.attributes.size() == 1 ? "" : "s", columns, key.index);
    }

    // A range of ctid holds those pages of every partition, so a few large ones make the later
    // ranges longer.
    void cut_pages() {
        const std::uint64_t step = std::max<std::uint64_t>((pages_ + chunks() - 1) / chunks(), 1);
        plan_.pages.push_back({});
        for (std::uint64_t before = step; before < pages_; before += step) {
            const std::uint64_t to = page_behind(before);
            if (to == plan_.pages.back().from) continue;
            plan_.pages.back().to = to;
            plan_.pages.push_back({to, std::nullopt});
        }
    }

    // The first page number before which at least so many pages lie; with one table, their count.
    std::uint64_t page_behind(std::uint64_t pages) const {
        std::uint64_t low = 0;
        std::uint64_t high = std::ranges::max(pages_of_each_);
        while (low < high) {
            const std::uint64_t middle = low + (high - low) / 2;
            std::uint64_t before = 0;
            for (const std::uint64_t each : pages_of_each_) before += std::min(each, middle);
            before < pages ? void(low = middle + 1) : void(high = middle);
        }
        return low;
    }

    Connection& source_;
    const PublishedTable& table_;
    const ChunkPlanOptions& options_;
    ChunkPlan plan_;
    std::uint64_t pages_ = 0;
    std::vector<std::uint64_t> pages_of_each_;
    bool has_other_storage_ = false;
};

}  // namespace

ChunkPlan plan_chunks(Connection& source, const PublishedTable& table,
                      const ChunkPlanOptions& options) {
    return Planning(source, table, options).run();
}

std::optional<KeyBound> middle_of(Connection& source, const PublishedTable& table,
                                  const std::vector<std::size_t>& key_attributes,
                                  const KeyRange& range) {
    const Result result = source.execute(middle_sql(table, key_attributes, range));
    if (result.rows() == 0) return std::nullopt;
    return bound_at(result, 0, table, key_attributes);
}

}  // namespace walpack
