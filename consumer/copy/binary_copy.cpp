#include "copy/binary_copy.h"

#include <fmt/format.h>

#include "schema/column_fit.h"

namespace walpack {
namespace {

constexpr std::string_view kBuiltIn = "pg_catalog";

bool is_container(ValueKind kind) {
    return kind == ValueKind::array || kind == ValueKind::range || kind == ValueKind::multirange ||
           kind == ValueKind::output;
}

// xml_send() may put an encoding declaration before the value, which the target's type would then
// hold as text.
bool is_same_text(const Attribute& attribute, const TargetColumn& column) {
    const TypeName to{column.base_type_oid, column.type_schema, column.type_name};
    return column.kind == ValueKind::text && !is_xml(attribute.value_type()) && !is_xml(to);
}

// The element's oid is in the bytes, and array_recv() insists on it. Only those of the server's own
// types are the same everywhere.
bool is_same_array(const Attribute& attribute, const TargetColumn& column) {
    const TypeName to{column.element_oid, column.element_schema, column.element_name};
    const bool is_same_type = attribute.value_type().schema == column.type_schema &&
                              attribute.value_type().name == column.type_name;
    return is_same_type && column.kind == ValueKind::array && attribute.element == to &&
           to.schema == kBuiltIn && !is_xml(to) && !is_container(*attribute.element_kind);
}

// Bounds are in the form of their type, so one with an oid in it is all that has to be kept out.
bool is_same_range(const Attribute& attribute, const TargetColumn& column) {
    return attribute.kind == column.kind && attribute.element_kind == column.element_kind &&
           attribute.element_kind && !is_container(*attribute.element_kind);
}

constexpr int kVersionWithInfiniteIntervals = 170000;

// Older servers take the binary form of an infinite interval for some interval, and refuse the
// text. What stands within ranges of an array is not known.
bool may_be_infinite(const Attribute& attribute) {
    return attribute.kind == ValueKind::interval || attribute.element_kind == ValueKind::interval ||
           attribute.element_kind == ValueKind::range ||
           attribute.element_kind == ValueKind::multirange;
}

bool has_same_form(const Attribute& attribute, const ColumnMapping& mapped) {
    const TargetColumn& column = *mapped.column;
    switch (attribute.kind) {
        case ValueKind::text:
            return is_same_text(attribute, column);
        case ValueKind::array:
            return is_same_array(attribute, column);
        case ValueKind::range:
        case ValueKind::multirange:
            return is_same_range(attribute, column);
        case ValueKind::output:
            return false;
        default:
            // The same type, two enums by their labels, or one that the source widens.
            return mapped.binding == Binding::binary;
    }
}

}  // namespace

bool is_xml(const TypeName& type) {
    return type.schema == kBuiltIn && type.name == "xml";
}

std::string reason_against_binary(const RelationMapping& mapping, int source_version) {
    const bool has_what_target_lacks =
        source_version >= kVersionWithInfiniteIntervals &&
        mapping.table->server_version < kVersionWithInfiniteIntervals;
    for (const ColumnMapping& mapped : mapping.columns) {
        if (!mapped.is_written()) continue;
        const Attribute& attribute = mapping.relation->attributes[mapped.attribute];
        const bool is_refused_as_text = has_what_target_lacks && may_be_infinite(attribute);
        if (has_same_form(attribute, mapped) && !is_refused_as_text) continue;
        return fmt::format("column \"{}\" goes from {} to {} as text", attribute.name,
                           type_display(attribute), mapped.column->declared_type);
    }
    return "";
}

}  // namespace walpack
