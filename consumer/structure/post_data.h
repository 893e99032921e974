// What is made of a table's structure after its rows are there: keys, indexes, foreign keys,
// triggers. Stored on the target in walpack.post_data by init, worked off by the pipeline.
//
//   walpack.post_data (pipeline text, number int, kind text, schema_name text, table_name text,
//   description text, statement text, state text)   state: pending | done | refused
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// In the order in which they are made.
enum class PostDataKind : std::uint8_t {
    key,          // primary key, unique constraint, unique index, replica identity
    index,        // any other index; exclusion constraints
    cluster,      // what refers to an index: CLUSTER ON, statistics, comments on them
    foreign_key,  // ADD CONSTRAINT .. FOREIGN KEY .. NOT VALID
    validation,   // VALIDATE CONSTRAINT of those
    trigger,      // triggers, rules, event-free leftovers
    other,        // row security, grants, comments: the rest of the section
};

struct PostDataItem {
    std::uint32_t number = 0;  // order of the archive
    PostDataKind kind = PostDataKind::other;
    std::optional<TableName> table;  // whose it is
    std::string description;         // "INDEX public orders_customer_idx": for log and list
    std::string statement;           // one or several, as one text
};

class PostData {
  public:
    // `target` must outlive this object; used by one thread at a time.
    PostData(Connection& target, std::string pipeline);

    // Creates the table; harmless when it exists. Replaces what the pipeline has there, inside the
    // caller's open transaction.
    void store(const std::vector<PostDataItem>& items);
    // Pending ones in their order; empty when the table does not exist.
    std::vector<PostDataItem> pending();
    // Executes the statement on `session` (not in a transaction) and notes the outcome in
    // walpack.post_data. A refusal of the target is noted with its message and returned, not
    // thrown; a lost connection is thrown. What exists already counts as done.
    std::optional<std::string> make(const PostDataItem& item, Connection& session);
    // Items that the target refused: statement and message of each.
    struct Refused {
        PostDataItem item;
        std::string message;
    };
    std::vector<Refused> refused();

  private:
    Connection& target_;
    std::string pipeline_;
};

}  // namespace walpack
