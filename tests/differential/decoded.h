// What a decoding session said, in a form in which two plugins can be compared: transactions in
// commit order, each with its changes as text.
//
// The form leaves out what differs by design, and nothing else:
//   - An old tuple is the list of its columns that are not NULL. pgoutput sends key tuples as wide
//     as the row, with NULL where a column is not part of the key (a key has no NULL itself).
//   - Rows published as those of a partitioned table: pgoutput labels the old tuple, the replica
//     identity and its columns by the partitioned table, walpack by the partition that the row is
//     in. Those labels become '*', which equals any.
//   - Key columns are '*' as well where a column list leaves out a part of the key: see
//     walpack_reader.cpp.
//   - The origin of a transaction of which nothing but logical messages is published is '*', any,
//     where walpack streams: no plugin knows it before the commit.
//   - Tables of one TRUNCATE are sorted by name.
//   - A transaction of which nothing is published is no transaction. (pgoutput of version 14 sends
//     its Begin and Commit.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/lsn.h"

namespace walpack::differential {

struct Field {
    enum class Form : std::uint8_t { null, unchanged_toast, text };

    Form form = Form::null;
    std::string text;
};

struct Column {
    std::string name;
    std::uint32_t type_oid = 0;
    std::int32_t typmod = -1;
    bool is_key = false;
};

struct DecodedChange {
    std::string text;           // action, relation, tuples
    std::string columns;        // names and types
    std::string key_columns;    // names; "*" for any
    char replica_identity = 0;  // 0 for what is no row change, '*' for any
    char old_tuple = 0;         // 'K' key, 'O' whole row, '*' one of them, 0 none
};

// A logical message outside transactions is one with xid 0 at the LSN of the message.
struct DecodedTransaction {
    std::uint32_t xid = 0;
    Lsn commit_lsn;
    Lsn end_lsn;
    std::int64_t commit_time = 0;
    std::string origin;
    std::vector<DecodedChange> changes;
};

using Decoded = std::vector<DecodedTransaction>;

// --- Making changes ---
std::string row_text(const std::vector<Column>& columns, const std::vector<Field>& fields);
// Only the columns that are not NULL.
std::string old_row_text(const std::vector<Column>& columns, const std::vector<Field>& fields);
std::string columns_text(const std::vector<Column>& columns);
std::string key_columns_text(const std::vector<Column>& columns);
DecodedChange truncate_change(bool cascade, bool restart_identity, std::vector<std::string> names);
DecodedChange message_change(bool is_transactional, Lsn lsn, std::string_view prefix,
                             std::string_view content);

// Puts a logical message that belongs to no transaction at the end.
void add_outside_message(Decoded& decoded, DecodedChange message, Lsn lsn);

std::size_t count_changes(const Decoded& decoded);

// Empty when both are equal; else the first difference with what came before it.
std::string difference(const Decoded& pgoutput, const Decoded& walpack);

// Every change on a line of its own, for tests that say what they expect: texts only.
std::vector<std::string> texts(const Decoded& decoded);

}  // namespace walpack::differential
