// How a table is cut into chunks (docs/decisions/0011).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "copy/key_order.h"
#include "pg/connection.h"
#include "schema/published_table.h"

namespace walpack {

// By what a table is cut.
enum class ChunkMethod : std::uint8_t {
    key,    // ranges of a key's leading column, a snapshot each
    whole,  // one snapshot for the table, read in ranges of ctid
};

// Ranges of pages of a table that is read under one snapshot: [from, to), the last one open. Of a
// partitioned table they are those pages of each partition.
struct PageRange {
    std::uint64_t from = 0;
    std::optional<std::uint64_t> to;

    friend bool operator==(const PageRange&, const PageRange&) = default;
};

struct ChunkPlan {
    ChunkMethod method = ChunkMethod::whole;
    // The attributes whose ranges the chunks are, with method key; indexes into the attributes of
    // the published relation.
    std::vector<std::size_t> key_attributes;
    std::vector<KeyRange> ranges;  // method key: they cover everything, in order
    std::vector<PageRange> pages;  // method whole: the same
    std::uint64_t bytes_estimated = 0;
    std::uint64_t rows_estimated = 0;
    std::string reason;  // one sentence for the log: why this method
};

struct ChunkPlanOptions {
    // Whether ranges of attributes of the relation may be loaded under different snapshots; of all
    // without a say.
    std::function<bool(const std::vector<std::size_t>& attributes)> may_cut_by = {};
    std::uint64_t chunk_bytes = 0;  // how large a chunk should be, in bytes of the source's table
    std::uint64_t workers = 1;      // load chunks side by side
};

// Looks at size, key, and a sample of its values. A key serves only where every old row of the
// stream has it: a delete could not be told to a chunk otherwise (see chunk_key.h). `source` is set
// up by set_up_source_session(), and its client_encoding is the database's; any transaction state
// will do, and nothing is locked beyond the call.
ChunkPlan plan_chunks(Connection& source, const PublishedTable& table,
                      const ChunkPlanOptions& options);

// The bound that cuts a range of the key into halves; nullopt when its rows cannot be parted, as
// they have one key. `source` as above.
std::optional<KeyBound> middle_of(Connection& source, const PublishedTable& table,
                                  const std::vector<std::size_t>& key_attributes,
                                  const KeyRange& range);

}  // namespace walpack
