// What was done about conflicts: schema walpack, table conflict_log, a row for each change that the
// target could not take as it was and that did not stop the pipeline.
//
// A row is written in the target transaction of the change that it is about, so it is there exactly
// if that is. It holds values of the rows: as JSON objects of texts, each in the server's own
// output form, null for NULL, {"unchanged": true} for unchanged TOAST, {"hex": "00ff"} for what has
// no text. Nobody but the table's owner may read it unless it is granted. Rows stay until someone
// deletes them, or the pipeline is dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

struct ConflictEntry {
    std::string schema;
    std::string table;
    std::string kind;
    std::string policy;
    std::string outcome;  // applied, inserted, kept, skipped
    Lsn commit_lsn;
    std::uint32_t xid = 0;         // 0: not known
    std::int64_t commit_time = 0;  // microseconds since 2000-01-01 UTC; of a known xid
    // JSON; nullopt where there is none. One local row is an object, several are an array.
    std::optional<std::string> key;
    std::optional<std::string> local_rows;
    std::optional<std::string> remote_row;
    std::string sqlstate;
    std::string message;
};

struct ConflictCount {
    std::string kind;
    std::string outcome;
    std::uint64_t count = 0;
};

// Inside the caller's transaction, with schema walpack there. Does nothing when the table exists,
// or when the role may not make one.
void create_conflict_log(Connection& target);
// The table is there and rows can be written to it.
bool has_conflict_log(Connection& target);
// The rows of one pipeline; does nothing where the table is missing or may not be written.
void remove_conflicts(Connection& target, const std::string& pipeline);
// Does nothing where it is missing, or is another role's.
void drop_conflict_log(Connection& target);
// By kind and outcome; empty when there is no table that can be read.
std::vector<ConflictCount> read_conflict_counts(Connection& target, const std::string& pipeline);

class ConflictLog {
  public:
    explicit ConflictLog(std::string pipeline) : pipeline_(std::move(pipeline)) {}

    // Inside the session's open transaction; not inside a pipeline.
    void write(Connection& session, const ConflictEntry& entry) const;

  private:
    std::string pipeline_;
};

}  // namespace walpack
