// What is made of a table's structure after its rows are there: keys, indexes, foreign keys,
// triggers. Stored on the target in walpack.post_data by init, worked off by the pipeline.
//
//   walpack.post_data (pipeline text, number int, kind text, schema_name text, table_name text,
//   description text, statement text, state text, message text)   state: pending | done | refused
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// In the order in which they are made. Those of one kind need nothing of each other, so they can be
// made side by side; foreign keys and triggers of one pair of tables then wait for its locks.
enum class PostDataKind : std::uint8_t {
    key,          // primary key, unique constraint, unique index; with it replica identity, CLUSTER
    index,        // any other index; exclusion constraints
    cluster,      // what refers to those: attachments to a partitioned index, statistics, comments
    foreign_key,  // ADD CONSTRAINT .. FOREIGN KEY .. NOT VALID
    validation,   // VALIDATE CONSTRAINT of those
    trigger,      // triggers, rules
    other,        // checks, row security, owners, grants, comments: the rest of the section
};

std::string_view to_string(PostDataKind kind);
std::optional<PostDataKind> parse_post_data_kind(std::string_view text);

struct PostDataItem {
    std::uint32_t number = 0;  // order of the archive
    PostDataKind kind = PostDataKind::other;
    std::optional<TableName> table;  // whose it is
    std::string description;         // "INDEX public orders_customer_idx": for log and list
    std::string statement;           // one or several, as one text
    std::string refusal;             // why it is not tried; empty where it is
};

class PostData {
  public:
    // `target` must outlive this object; used by one thread at a time.
    PostData(Connection& target, std::string pipeline);

    // Creates the table; harmless when it exists. Replaces what the pipeline has there of the
    // tables of the items, and of items without one the same, and numbers the items on from what
    // stays; inside the caller's open transaction. Schema walpack must exist.
    void store(std::vector<PostDataItem> items);
    // Pending ones in their order; empty when the table does not exist.
    std::vector<PostDataItem> pending();
    // Executes the statement on `session` (not in a transaction; it is given the settings of
    // set_up_structure_session() and keeps them) and notes the outcome in walpack.post_data. A
    // refusal of the target is noted with its message and returned, not thrown; a lost connection,
    // a deadlock and the like are thrown, and the item stays pending. What exists already counts as
    // done. A trigger is made and disabled where the role of the session may not set
    // session_replication_role, which is noted and returned like a refusal. `session` may be the
    // target of this object.
    std::optional<std::string> make(const PostDataItem& item, Connection& session);
    // Items that the target refused: statement and message of each.
    struct Refused {
        PostDataItem item;
        std::string message;
    };
    std::vector<Refused> refused();
    // Forgets the pipeline's items, and removes the table when it holds no others. Returns how many
    // were still pending.
    std::size_t drop();

  private:
    bool table_exists();
    std::vector<Refused> read(const std::string& state);
    void note(const PostDataItem& item, const std::string& state,
              const std::optional<std::string>& message);

    Connection& target_;
    std::string pipeline_;
};

}  // namespace walpack
