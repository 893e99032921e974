// By which column a table can be cut, and where.
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
    std::size_t attribute = 0;  // of the published relation
    std::string index;          // for people: "its primary key", "index "t_v_key""

    friend bool operator==(const ChunkKey&, const ChunkKey&) = default;
};

// Leading columns of plain unique indexes in byte order, the likeliest first: primary key, replica
// identity, then the narrowest. Each is NOT NULL, published, not generated, and in every old row
// that the stream may bring: part of the replica identity, unless no updates are published. Of a
// partitioned table the index must be the root's, and the replica identities those of all
// partitions.
std::vector<ChunkKey> read_chunk_keys(Connection& source, const PublishedTable& table);

// The text of a query that gives the bounds between `chunks` chunks of equal size: rows of text and
// bytes in hex, as many as chunks - 1, equal ones among them. `percent` of the table's pages are
// read; from 100 on, all.
std::string bounds_sql(const PublishedTable& table, const ChunkKey& key, std::size_t chunks,
                       double percent);

// The same for the one bound that cuts a range into halves of about equal many published rows; no
// row when none of them lies behind the range's own first key. Reads all keys of the range.
std::string middle_sql(const PublishedTable& table, std::size_t attribute, const KeyRange& range);

// The ranges between those bounds.
struct CutRanges {
    std::vector<KeyRange> ranges;  // in order, covering everything
    std::size_t largest = 0;       // of how many of the equal parts the largest range consists
};
// Equal bounds are one: the range behind it is as much larger. `bounds` are in order.
CutRanges cut_at(const std::vector<KeyBound>& bounds);

}  // namespace walpack
