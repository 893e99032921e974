#include "schema/column_fit.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "model/value_binary.h"

namespace walpack {
namespace {

constexpr std::string_view kBuiltIn = "pg_catalog";

bool is_built_in(const TypeName& type) {
    return type.schema == kBuiltIn;
}

TypeName type_of(const TargetColumn& column) {
    return {column.base_type_oid, column.type_schema, column.type_name};
}

TypeName element_of(const TargetColumn& column) {
    return {column.element_oid, column.element_schema, column.element_name};
}

// Built-in types by name; a user's type may live in another schema on the target.
bool is_same_type(const TypeName& left, const TypeName& right) {
    return left.name == right.name && is_built_in(left) == is_built_in(right);
}

bool is_plain_text(const TypeName& type) {
    return is_built_in(type) && (type.name == "text" || type.name == "varchar");
}

// A kind whose values are one plain thing with a text form of its own.
bool is_native_scalar(ValueKind kind) {
    switch (kind) {
        case ValueKind::money:  // its text depends on lc_monetary
        case ValueKind::array:
        case ValueKind::range:
        case ValueKind::multirange:
        case ValueKind::send:
        case ValueKind::output:
            return false;
        default:
            return true;
    }
}

struct Widening {
    std::string_view from;
    std::string_view to;
    Binding binding;
};

// Every value of the left type is a value of the right one. Where the binary form only grows, it
// is sent: float4 as text would read as another float8.
constexpr std::array kWidenings = {
    Widening{"int2", "int4", Binding::binary},  Widening{"int2", "int8", Binding::binary},
    Widening{"int4", "int8", Binding::binary},  Widening{"float4", "float8", Binding::binary},
    Widening{"int2", "numeric", Binding::text}, Widening{"int4", "numeric", Binding::text},
    Widening{"int8", "numeric", Binding::text}, Widening{"int2", "float4", Binding::text},
    Widening{"int2", "float8", Binding::text},  Widening{"int4", "float8", Binding::text},
    Widening{"oid", "int8", Binding::text},     Widening{"jsonb", "json", Binding::text},
};

const Widening* find_widening(const TypeName& from, const TypeName& to) {
    if (!is_built_in(from) || !is_built_in(to)) return nullptr;
    for (const Widening& widening : kWidenings) {
        if (widening.from == from.name && widening.to == to.name) return &widening;
    }
    return nullptr;
}

// bpchar pads and name cuts in silence, so they take only their own kind.
bool text_fits(const TypeName& from, const TypeName& to) {
    if (!is_built_in(to)) return true;
    if (to.name == "bpchar" || to.name == "name") return is_same_type(from, to);
    return true;
}

std::optional<ColumnFit> fit_scalar(const Attribute& attribute, const TargetColumn& column) {
    const TypeName from = attribute.value_type();
    const TypeName to = type_of(column);
    const ColumnFit as_text{Binding::text, attribute.kind};
    if (attribute.kind == ValueKind::text && column.kind == ValueKind::text) {
        return text_fits(from, to) ? std::optional(as_text) : std::nullopt;
    }
    if (attribute.kind == ValueKind::enumeration && column.kind == ValueKind::enumeration) {
        return ColumnFit{Binding::binary, attribute.kind};
    }
    if (is_same_type(from, to) && attribute.kind == column.kind &&
        has_binary_form(attribute.kind)) {
        return ColumnFit{Binding::binary, attribute.kind};
    }
    if (const Widening* widening = find_widening(from, to)) {
        const bool is_binary = widening->binding == Binding::binary;
        return ColumnFit{widening->binding, is_binary ? column.kind : attribute.kind};
    }
    if (is_native_scalar(attribute.kind) && is_plain_text(to)) return as_text;
    return std::nullopt;
}

// xml_recv() goes by an encoding that the value itself may declare, but the bytes are the server's.
// A domain may be over it.
bool is_received_as_it_is(const TypeName& text) {
    if (!is_built_in(text)) return text.name == "citext";
    return text.name == "json" || text.name == "bpchar" || text.name == "name" ||
           is_plain_text(text);
}

std::optional<ColumnFit> fit_array(const Attribute& attribute, const TargetColumn& column) {
    const ColumnFit as_text{Binding::text, attribute.kind};
    const bool is_plain = attribute.element_kind && is_native_scalar(*attribute.element_kind);
    if (column.kind != ValueKind::array || !attribute.element) {
        const bool fits = is_plain && is_plain_text(type_of(column));
        return fits ? std::optional(as_text) : std::nullopt;
    }
    const TypeName from = *attribute.element;
    const TypeName to = element_of(column);
    if (is_same_type(from, to) && attribute.element_kind == column.element_kind) {
        const bool is_binary =
            attribute.element_kind != ValueKind::text || is_received_as_it_is(from);
        return is_binary ? ColumnFit{Binding::binary_array, attribute.kind} : as_text;
    }
    const bool are_texts = attribute.element_kind == ValueKind::text &&
                           column.element_kind == ValueKind::text && text_fits(from, to);
    const Widening* widening = find_widening(from, to);
    // float4 -> float8 is exact in binary only.
    const bool widens = widening != nullptr && from.name != "float4";
    return is_plain && (are_texts || widens) ? std::optional(as_text) : std::nullopt;
}

// As plugins before 1.0.0 send it, and logs of theirs have it.
bool is_tsquery(const TypeName& type) {
    return is_built_in(type) && type.name == "tsquery";
}

// Ranges, multiranges and send forms: nothing but the same type understands the bytes.
std::optional<ColumnFit> fit_send_form(const Attribute& attribute, const TargetColumn& column) {
    if (is_tsquery(attribute.value_type()) && is_tsquery(type_of(column)))
        return ColumnFit{Binding::binary, attribute.kind};
    if (attribute.kind != column.kind || attribute.element_kind != column.element_kind ||
        !is_same_type(attribute.value_type(), type_of(column))) {
        return std::nullopt;
    }
    return ColumnFit{Binding::binary, attribute.kind};
}

// Composites, arrays of them, and types that have no form but their text.
std::optional<ColumnFit> fit_output(const Attribute& attribute, const TargetColumn& column) {
    const ColumnFit as_text{Binding::text, attribute.kind};
    if (is_plain_text(type_of(column))) return as_text;
    if (column.kind != ValueKind::output) return std::nullopt;
    const bool are_containers = attribute.element && !column.element_name.empty();
    const bool is_same = are_containers ? is_same_type(*attribute.element, element_of(column))
                                        : is_same_type(attribute.value_type(), type_of(column));
    return is_same ? std::optional(as_text) : std::nullopt;
}

constexpr std::int32_t kNoTypmod = -1;
constexpr std::int32_t kTypmodHeader = 4;  // VARHDRSZ, which numeric's modifier starts from
constexpr std::int32_t kMicroseconds = 6;  // the precision of a time without a modifier

std::int32_t numeric_scale(std::int32_t typmod) {
    return (((typmod - kTypmodHeader) & 0x7FF) ^ 1024) - 1024;
}

bool numeric_rounds(const Attribute& attribute, std::int32_t to) {
    const std::int32_t scale = numeric_scale(to);
    const ValueKind kind = attribute.element_kind.value_or(attribute.kind);
    if (kind != ValueKind::numeric) return scale < 0;
    return attribute.typmod == kNoTypmod || numeric_scale(attribute.typmod) > scale;
}

// A text, or an array of them, than a varchar of the modifier.
bool is_longer_than(const Attribute& attribute, std::int32_t typmod) {
    const ValueKind kind = attribute.element_kind.value_or(attribute.kind);
    return kind == ValueKind::text && (attribute.typmod == kNoTypmod || attribute.typmod > typmod);
}

bool is_time(std::string_view type) {
    return type == "time" || type == "timetz" || type == "timestamp" || type == "timestamptz";
}

// INTERVAL_PRECISION and INTERVAL_RANGE of the server's timestamp.h: a range names the fields that
// are kept, such as DAY TO SECOND.
constexpr std::int32_t kIntervalFullPrecision = 0xFFFF;
constexpr std::int32_t kIntervalFullRange = 0x7FFF;

std::int32_t interval_precision(std::int32_t typmod) {
    const std::int32_t precision = typmod & kIntervalFullPrecision;
    const bool is_full = typmod == kNoTypmod || precision == kIntervalFullPrecision;
    return is_full ? kMicroseconds : precision;
}

std::int32_t interval_range(std::int32_t typmod) {
    return typmod == kNoTypmod ? kIntervalFullRange : (typmod >> 16) & kIntervalFullRange;
}

bool interval_rounds(std::int32_t from, std::int32_t to) {
    const bool keeps_fields =
        interval_range(to) == kIntervalFullRange || interval_range(to) == interval_range(from);
    return !keeps_fields || interval_precision(from) > interval_precision(to);
}

std::string sql_type_name(const TypeName& type) {
    static constexpr std::array<std::array<std::string_view, 2>, 13> kSqlNames = {{
        {"int2", "smallint"},
        {"int4", "integer"},
        {"int8", "bigint"},
        {"float4", "real"},
        {"float8", "double precision"},
        {"bool", "boolean"},
        {"varchar", "character varying"},
        {"bpchar", "character"},
        {"timestamp", "timestamp without time zone"},
        {"timestamptz", "timestamp with time zone"},
        {"time", "time without time zone"},
        {"timetz", "time with time zone"},
        {"varbit", "bit varying"},
    }};
    if (!is_built_in(type)) return type.schema + '.' + type.name;
    for (const auto& [name, sql_name] : kSqlNames) {
        if (name == type.name) return std::string(sql_name);
    }
    return type.name;
}

}  // namespace

std::optional<ColumnFit> fit_column(const Attribute& attribute, const TargetColumn& column) {
    switch (attribute.kind) {
        case ValueKind::array:
            return fit_array(attribute, column);
        case ValueKind::range:
        case ValueKind::multirange:
        case ValueKind::send:
            return fit_send_form(attribute, column);
        case ValueKind::output:
            return fit_output(attribute, column);
        default:
            return fit_scalar(attribute, column);
    }
}

bool rounds(const Attribute& attribute, const TargetColumn& column) {
    if (column.typmod == kNoTypmod || column.typmod == attribute.typmod) return false;
    const bool is_array = column.kind == ValueKind::array;
    const TypeName type = is_array ? element_of(column) : type_of(column);
    if (!is_built_in(type)) return false;
    if (type.name == "numeric") return numeric_rounds(attribute, column.typmod);
    if (type.name == "interval") return interval_rounds(attribute.typmod, column.typmod);
    if (type.name == "varchar") {
        const bool is_padded = attribute.value_type().name == "bpchar";
        return (is_array || is_padded) && is_longer_than(attribute, column.typmod);
    }
    if (!is_time(type.name)) return false;
    const std::int32_t from = attribute.typmod == kNoTypmod ? kMicroseconds : attribute.typmod;
    return from > column.typmod;
}

std::int32_t cuts_blanks_beyond(const Attribute& attribute, const TargetColumn& column) {
    const bool is_cut = attribute.kind == ValueKind::text && is_built_in(type_of(column)) &&
                        column.type_name == "varchar" && column.typmod != kNoTypmod &&
                        is_longer_than(attribute, column.typmod);
    return is_cut ? column.typmod - kTypmodHeader : 0;
}

std::string type_display(const Attribute& attribute) {
    const bool is_array = attribute.kind == ValueKind::array && attribute.element;
    if (is_array) return sql_type_name(*attribute.element) + "[]";
    const std::string name = sql_type_name(attribute.type);
    if (attribute.typmod < kTypmodHeader || !is_built_in(attribute.type)) {
        const bool has_precision = attribute.typmod >= 0 && is_time(attribute.type.name);
        return has_precision ? fmt::format("{}({})", name, attribute.typmod) : name;
    }
    if (attribute.type.name == "numeric") {
        return fmt::format("numeric({},{})", ((attribute.typmod - kTypmodHeader) >> 16) & 0xFFFF,
                           numeric_scale(attribute.typmod));
    }
    if (attribute.type.name == "varchar" || attribute.type.name == "bpchar") {
        return fmt::format("{}({})", name, attribute.typmod - kTypmodHeader);
    }
    return is_time(attribute.type.name) ? fmt::format("{}({})", name, attribute.typmod) : name;
}

}  // namespace walpack
