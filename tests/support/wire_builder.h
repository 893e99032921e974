// Packs values, records and transactions of the wire format: what a plugin sends, and what it must
// not send. Everything is a string of bytes, so that a test can join, cut and damage it.
//
//     decode(hello() + relation() + insert(1, {row({integer(1), str("a")})}))
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/relation.h"
#include "protocol/format.h"

namespace walpack::wire {

using Bytes = std::string;

// --- values ---
Bytes nil();
Bytes boolean(bool value);
Bytes integer(std::int64_t value);
Bytes unsigned_integer(std::uint64_t value);
Bytes float32(float value);
Bytes float64(double value);
Bytes str(std::string_view bytes);
Bytes bin(std::string_view bytes);
Bytes extension(std::int8_t type, std::string_view bytes);
Bytes unchanged_toast();
Bytes array(const std::vector<Bytes>& elements);
// Keys and values in turn.
Bytes map(const std::vector<Bytes>& keys_and_values);
inline Bytes row(const std::vector<Bytes>& values) {
    return array(values);
}
// Big-endian, as in send forms.
Bytes big_endian(std::int64_t number, std::size_t width);

// --- records ---
struct ColumnFields {
    std::string name;
    int kind = WALPACK_KIND_INT4;
    std::uint32_t flags = 0;
    int element_kind = 0;  // 0: nil
    std::string type = "int4";
    std::string element = "int4";
};

// The fields of a Relation record. Unless changed: table t (id int4 key, v text), version 1.
struct RelationFields {
    std::uint32_t id = 1;
    std::uint32_t version = 1;
    std::string name = "t";
    std::string relkind = "r";
    std::string replica_identity = "d";
    std::string leaf;  // empty: nil
    std::vector<ColumnFields> columns = {
        {.name = "id", .flags = WALPACK_COLUMN_KEY | WALPACK_COLUMN_NOT_NULL},
        {.name = "v", .kind = WALPACK_KIND_TEXT, .type = "text"}};
};

// Every column of `table` is part of the identity.
RelationFields with_full_identity(RelationFields table);
// No column is.
RelationFields without_identity(RelationFields table);

struct CommitFields {
    std::uint64_t commit_lsn = 0x1000;
    std::uint64_t length = 0x30;
    std::uint64_t changes = 0;
    std::uint32_t digest = 0;
};

Bytes hello();
Bytes hello_of_version(std::int64_t protocol_version);
Bytes column(const ColumnFields& fields);
Bytes relation(const RelationFields& fields = {});
Bytes begin(std::uint64_t commit_lsn = 0x1000, std::uint32_t xid = 7);
Bytes commit(const CommitFields& fields = {});
// A record of rows: type and relation, then tuples.
Bytes rows(int record_type, std::uint32_t relation, const std::vector<Bytes>& tuples);
Bytes insert(std::uint32_t relation, const std::vector<Bytes>& tuples);
Bytes truncate(std::uint32_t flags, const std::vector<Bytes>& relations);
Bytes message(std::uint32_t flags, std::string_view prefix, std::string_view content);
Bytes notice(std::string_view publication);
Bytes fragment(std::uint32_t flags, std::string_view bytes);
// The record as fragments of `piece` bytes, each a message.
std::vector<Bytes> fragments_of(const Bytes& record, std::size_t piece);

Bytes origin(std::string_view name);

// --- streamed transactions: all of the same one unless changed ---
Bytes stream_start(std::uint32_t xid = 7);
Bytes stream_stop();
Bytes subtransaction(std::uint32_t xid);
Bytes stream_abort(std::uint32_t xid, std::uint32_t subtransaction_xid);
Bytes stream_commit(const CommitFields& fields = {}, std::uint32_t xid = 7);

// --- prepared transactions: gid "g" ---
Bytes begin_prepare(std::uint64_t prepare_lsn = 0x1000, std::uint32_t xid = 7);
Bytes prepare(const CommitFields& fields = {});
Bytes stream_prepare(const CommitFields& fields = {}, std::uint32_t xid = 7);
Bytes commit_prepared(std::uint64_t commit_lsn = 0x2000, std::uint32_t xid = 7);
Bytes rollback_prepared(std::uint32_t xid = 7);

// --- compression ---
// The message as a Compressed record, made by the library of WALPACK_COMPRESSION_*.
Bytes compressed(int method, std::string_view message);
Bytes compressed_record(int method, std::uint64_t bytes, std::string_view data);

// --- transactions ---
std::uint64_t digest_of(std::string_view message, std::uint64_t digest_before);

// Puts a right Commit behind the last message: `changes` as given, the digest of all messages.
std::vector<Bytes> with_commit(std::vector<Bytes> messages, CommitFields commit);
// The same with a Prepare.
std::vector<Bytes> with_prepare(std::vector<Bytes> messages, CommitFields prepare);
// Puts StreamCommit behind the messages of a streamed transaction's blocks, in one of its own.
std::vector<Bytes> with_stream_commit(std::vector<Bytes> messages, CommitFields commit,
                                      std::uint32_t xid = 7);

}  // namespace walpack::wire
