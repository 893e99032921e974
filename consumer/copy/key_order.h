// The order of a key's values, as bytes that compare like the source's index: what decides which
// chunk a row belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/relation.h"
#include "model/value.h"

namespace walpack {

// A bound between two chunks: as SQL, and as it compares.
struct KeyBound {
    // The value in its text form, to be quoted and cast to the column's type. Of several columns,
    // none of which is a text then, their values with commas between them.
    std::string text;
    std::string sort_key;  // of several columns, one behind the other

    friend bool operator==(const KeyBound&, const KeyBound&) = default;
};

// From a bound, included, to another, not included; without one it is open.
struct KeyRange {
    std::optional<KeyBound> from;
    std::optional<KeyBound> to;

    bool has(std::string_view sort_key) const {
        return (!from || sort_key >= from->sort_key) && (!to || sort_key < to->sort_key);
    }

    friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Whether a sort key can be made of values of this kind: int2, int4, int8, oid, uuid, date,
// timestamp, timestamptz, numeric; text only when its collation is known to compare bytes.
bool has_sort_key(ValueKind kind, bool compares_bytes);
// Of those the ones whose sort keys end where no other one goes on, all but text: one behind the
// other they still have the order of the values.
bool has_sort_key_with_end(ValueKind kind);

// Bytes whose order (as unsigned bytes, the shorter first) is that of the values. Equal values have
// the same ones, as numeric 1.0 and 1.00. `attribute.kind` has a sort key and the value is neither
// NULL nor unchanged TOAST. Throws Error(protocol) when the value does not have the form that its
// kind promises.
std::string sort_key_of(const Attribute& attribute, const Value& value);
// The same from what the type's send function gives (int4send, uuid_send, ..).
std::string sort_key_of_sent(ValueKind kind, std::string_view sent);

}  // namespace walpack
