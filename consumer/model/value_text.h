// Values as text: what a text parameter of the target takes, and what `walpack inspect` prints.
//
// Exact: reading the text back as the value's type gives the same value, bit for bit. Output is the
// server's own style (DateStyle ISO, IntervalStyle postgres, shortest floats, bytea hex),
// independent of any setting.
//
// Two texts do not read back everywhere: money is the plain number of its currency's smallest units
// (the server's own text depends on lc_monetary), and a "char" beyond ASCII is written in octal as
// servers from version 16 on do, which older ones do not read. Both have their binary form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/relation.h"
#include "model/value.h"

namespace walpack {

// The text form of a value that is neither NULL nor unchanged TOAST. nullopt for the kinds that
// have no text form here: send, uint8 of a type that is neither pg_lsn nor xid8, and arrays, ranges
// and multiranges whose elements have none. Throws Error(protocol) when the value's form does not
// fit the attribute's kind (a string where an integer must stand) or lies outside the type's range.
std::optional<std::string> to_text(const Attribute& attribute, const Value& value);

// The same for a value of a kind in send form (an array's element, a range's bound). nullopt also
// for the kinds whose text depends on more than the kind: uint8, array, range, multirange.
std::optional<std::string> send_form_to_text(ValueKind kind, std::string_view bytes);

}  // namespace walpack
