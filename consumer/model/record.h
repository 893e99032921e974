// The records of the wire format as plain values: what the decoder hands out. docs/protocol.md says
// what each field means. Views and spans live as long as the call that hands the record over;
// Relation is shared.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/lsn.h"
#include "model/relation.h"
#include "model/value.h"

namespace walpack {

struct Hello {
    std::uint32_t protocol_version = 0;
    std::string plugin_version;
    std::uint32_t server_version = 0;
    std::uint64_t system_identifier = 0;
    std::string database;
    std::string encoding;
    std::map<std::string, std::string> options;
};

struct Begin {
    std::uint32_t xid = 0;
    Lsn commit_lsn;
    std::int64_t commit_time = 0;  // microseconds since 2000-01-01 UTC
};

// What a record that ends a transaction says of all of it.
struct Totals {
    std::uint64_t changes = 0;
    std::uint32_t digest = 0;
};

struct Commit {
    Lsn commit_lsn;
    Lsn end_lsn;
    Totals totals;
};

// The changes that follow were made under this replication origin; empty: under none.
struct Origin {
    std::string_view name;
};

// A transaction in progress comes in blocks, from StreamStart to StreamStop.
struct StreamStart {
    std::uint32_t xid = 0;  // of the top-level transaction
};

struct StreamStop {};

// Whose changes follow, up to the end of the block.
struct Subtransaction {
    std::uint32_t xid = 0;
};

struct StreamAbort {
    std::uint32_t xid = 0;
    std::uint32_t subtransaction_xid = 0;

    bool is_whole_transaction() const { return xid == subtransaction_xid; }
};

struct StreamCommit {
    std::uint32_t xid = 0;
    Lsn commit_lsn;
    Lsn end_lsn;
    std::int64_t commit_time = 0;
    Totals totals;
};

// Heads and ends of prepared transactions.
struct BeginPrepare {
    std::uint32_t xid = 0;
    Lsn prepare_lsn;
    std::int64_t prepare_time = 0;
    std::string_view gid;
};

struct Prepare {
    Lsn prepare_lsn;
    Lsn end_lsn;
    Totals totals;
};

struct StreamPrepare {
    std::uint32_t xid = 0;
    Lsn prepare_lsn;
    Lsn end_lsn;
    std::int64_t prepare_time = 0;
    std::string_view gid;
    Totals totals;
};

struct CommitPrepared {
    std::uint32_t xid = 0;
    std::string_view gid;
    Lsn commit_lsn;
    Lsn end_lsn;
    std::int64_t commit_time = 0;
};

struct RollbackPrepared {
    std::uint32_t xid = 0;
    std::string_view gid;
    Lsn prepare_end_lsn;
    std::int64_t prepare_time = 0;
    Lsn end_lsn;  // of the rollback
    std::int64_t rollback_time = 0;
};

enum class ChangeKind : std::uint8_t {
    insert,
    update,       // found by the identity columns of the new tuple
    update_key,   // found by the old key tuple
    update_full,  // found by the old row
    delete_key,
    delete_full,
    delete_none,  // the relation has no replica identity
};

struct RowChange {
    ChangeKind kind = ChangeKind::insert;
    std::shared_ptr<const Relation> relation;
    Tuple old_tuple;  // key tuple for update_key and delete_key, whole row for *_full, else empty
    Tuple new_tuple;  // empty for deletes
};

struct Truncate {
    bool cascade = false;
    bool restart_identity = false;
    std::vector<std::shared_ptr<const Relation>> relations;
};

struct LogicalMessage {
    bool is_transactional = false;
    Lsn lsn;
    std::string_view prefix;
    std::string_view content;
};

struct Notice {
    std::uint32_t code = 0;
    std::string text;
};

using RelationRecord = std::shared_ptr<const Relation>;

using Record =
    std::variant<Hello, RelationRecord, Begin, RowChange, Truncate, LogicalMessage, Notice, Commit,
                 Origin, StreamStart, StreamStop, Subtransaction, StreamAbort, StreamCommit,
                 BeginPrepare, Prepare, StreamPrepare, CommitPrepared, RollbackPrepared>;

}  // namespace walpack
