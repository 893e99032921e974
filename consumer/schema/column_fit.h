// Whether a target column can take every value of a source column, and in which form.
//
// "Can take" means exactly: what arrives is what was sent, or the target refuses the value with an
// error. A pair where a value could be changed in silence (rounded, padded, cut) does not fit.
#pragma once

#include <optional>
#include <string>

#include "model/relation.h"
#include "schema/target_table.h"

namespace walpack {

struct ColumnFit {
    Binding binding = Binding::text;
    // The kind whose binary form is sent: the attribute's, or a wider one of the column.
    ValueKind kind = ValueKind::output;
};

// nullopt when the column cannot take the values. Says nothing about rounding: see rounds().
std::optional<ColumnFit> fit_column(const Attribute& attribute, const TargetColumn& column);

// The column's type modifier would round values that the attribute can have: numeric(12,4) into
// numeric(12,2), timestamp(6) into timestamp(0); or would cut blanks that each of them may end in:
// char(5) into varchar(3), and arrays.
bool rounds(const Attribute& attribute, const TargetColumn& column);

// Of a varchar(n) that is shorter than the attribute's values may be: n. There the server cuts
// blanks at the end in silence, and refuses all other characters. 0 for other columns.
std::int32_t cuts_blanks_beyond(const Attribute& attribute, const TargetColumn& column);

// The attribute's type as SQL writes it, such as "bigint" or "numeric(10,2)"; for messages.
std::string type_display(const Attribute& attribute);

}  // namespace walpack
