// A row in quarantine: a change that was not applied, with all that is needed to apply it later.
//
//   walpack.quarantine keeps it; values stand there in JSON objects, a member per column:
//     "text"             the value's text form
//     null               NULL
//     {"unchanged": true}  unchanged TOAST: the source did not send the value
//     {"text": "c3a9"}   a text form that is neither ASCII nor UTF-8: its bytes, in hexadecimal, in
//                        the source's encoding
//     {"binary": "00"}   a value that has no text form everywhere: what its type's send function
//                        gives, in hexadecimal
//
// The JSON is pure ASCII where the source's encoding is UTF-8, so that a target that cannot store a
// character can still keep the row that it refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apply/refused_row.h"
#include "model/record.h"
#include "schema/target_table.h"

namespace walpack {

struct HeldValue {
    enum class Form : std::uint8_t { null, unchanged, text, binary };

    Form form = Form::null;
    std::string bytes;

    friend bool operator==(const HeldValue&, const HeldValue&) = default;
};

struct HeldColumn {
    std::string name;
    HeldValue value;

    friend bool operator==(const HeldColumn&, const HeldColumn&) = default;
};

using HeldTuple = std::vector<HeldColumn>;

const HeldValue* find(const HeldTuple& tuple, const std::string& column);

struct HeldRow {
    std::uint64_t id = 0;  // in the order of the stream, per pipeline
    RowOrigin origin;
    TableName table;
    ChangeKind change = ChangeKind::insert;
    ReplicaIdentity replica_identity = ReplicaIdentity::default_key;
    std::vector<std::string> key_columns;  // of the replica identity
    HeldTuple new_row;
    HeldTuple old_row;  // the old key or the old row, where the change has one
    // What the target's row held when the change was taken out, in the columns that other rows may
    // depend on; empty where nobody could look.
    HeldTuple found;
    HeldTuple edits;  // values that an operator put in the place of those of new_row
    std::string encoding;
    // The row that it waits for; nullopt for one that failed by itself.
    std::optional<std::uint64_t> behind;
    // Of the last failure; empty for a row that was never tried.
    std::string kind;
    std::string sqlstate;
    std::string message;
    std::string constraint;
    std::string column;
};

// The row of a change as it is to be kept; without id.
HeldRow held_row(const RefusedRow& row, const std::string& encoding);

// How the change is called in the table: insert, update, update_key, ...
std::string_view name_of(ChangeKind change);
// Throws Error(value) for what is none of them.
ChangeKind change_of(std::string_view name);

// `is_utf8`: texts and names are; otherwise names stand in the connection's encoding.
std::string to_json(const HeldTuple& tuple, bool is_utf8);
// Throws Error(value) when it is not of the form above: someone edited the table.
HeldTuple parse_held_tuple(std::string_view json);
// Of an array of strings.
std::vector<std::string> parse_held_names(std::string_view json);

// The change of a held row again, as the applier's functions take it. Its relation has the columns
// that the row has, with texts and send forms for values.
class HeldChange {
  public:
    // `has_edits`: with the operator's values.
    HeldChange(const HeldRow& row, bool has_edits);
    HeldChange(const HeldChange&) = delete;
    HeldChange& operator=(const HeldChange&) = delete;

    const RowChange& change() const { return change_; }
    // Throws Error(schema) when a column is missing.
    std::shared_ptr<const RelationMapping> map(std::shared_ptr<const TargetTable> table) const;
    // The same; what is missing is among the problems.
    std::shared_ptr<const RelationMapping> map_what_fits(
        std::shared_ptr<const TargetTable> table) const;

  private:
    void describe(const HeldRow& row);
    std::vector<Value> values(const HeldTuple& tuple);

    HeldTuple new_row_;
    HeldTuple old_row_;
    std::vector<Value> new_values_;
    std::vector<Value> old_values_;
    RowChange change_;
};

}  // namespace walpack
