// By which columns a table can be cut, and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "copy/key_order.h"
#include "pg/connection.h"
#include "schema/published_table.h"

namespace walpack {

struct ChunkKey {
    std::vector<std::size_t> attributes;  // of the published relation
    std::string index;                    // for people: "its primary key", "index "t_v_key""

    friend bool operator==(const ChunkKey&, const ChunkKey&) = default;
};

// Columns of plain unique indexes whose values have sort keys, the likeliest first: those of the
// primary key, of the replica identity, then of the narrowest. First the leading columns alone,
// then, for where those have too few values, as many of the leading ones together as are no texts.
// Each column is NOT NULL, published, not generated, and in every old row that the stream may
// bring: part of the replica identity, unless no updates are published. Of a partitioned table the
// index must be the root's, and the replica identities those of all partitions.
std::vector<ChunkKey> read_chunk_keys(Connection& source, const PublishedTable& table);

// A column of a key in SQL.
struct KeyOperand {
    std::string expression;
    std::string type;  // of the bounds: schema-qualified, quoted
};

// "a >= .. AND a < ..", or the same of rows, "(a, b) >= (.., ..)"; empty for a range without
// bounds. `from_operator` compares with the lower one.
std::string range_condition(const std::vector<KeyOperand>& key, const KeyRange& range,
                            const char* from_operator = ">=");

// The text of a query that gives the bounds between `chunks` chunks of equal size: rows of text and
// bytes in hex of each column, as many as chunks - 1, equal ones among them. `percent` of the
// table's pages are read; from 100 on, all.
std::string bounds_sql(const PublishedTable& table, const ChunkKey& key, std::size_t chunks,
                       double percent);

// The same for the one bound that cuts a range into halves of about equal many published rows; no
// row when none of them lies behind the range's own first key. Reads all keys of the range.
std::string middle_sql(const PublishedTable& table, const std::vector<std::size_t>& attributes,
                       const KeyRange& range);
// The bound in a row of either.
KeyBound bound_at(const Result& result, int row, const PublishedTable& table,
                  const std::vector<std::size_t>& attributes);

// The ranges between those bounds.
struct CutRanges {
    std::vector<KeyRange> ranges;  // in order, covering everything
    std::size_t largest = 0;       // of how many of the equal parts the largest range consists
};
// Equal bounds are one: the range behind it is as much larger. `bounds` are in order.
CutRanges cut_at(const std::vector<KeyBound>& bounds);

}  // namespace walpack
