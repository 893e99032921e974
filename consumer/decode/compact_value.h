// The compact forms of numeric, arrays and jsonb -> the forms that the rest works with: the send
// form of numeric and arrays, the text that a server writes for jsonb. docs/protocol.md, Compact
// forms.
//
// Trusts nothing it reads: every count is checked against the bytes that are there, and what comes
// out is at most some twelve times as long. Throws Error(protocol) without a place.
#pragma once

#include <string>
#include <string_view>

#include "model/relation.h"

namespace walpack {

constexpr bool has_compact_form(ValueKind kind) {
    return kind == ValueKind::numeric || kind == ValueKind::array || kind == ValueKind::jsonb;
}

// Replaces `out`. The attribute's kind has a compact form.
void expand_compact(const Attribute& attribute, std::string_view bytes, std::string& out);

}  // namespace walpack
