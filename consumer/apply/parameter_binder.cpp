#include "apply/parameter_binder.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "model/value_binary.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr int kVersionWithInfiniteIntervals = 170000;
constexpr std::size_t kOverhead = 8;  // length word and format on the wire

// The extremes of all three fields; earlier servers would store them as a nonsensical interval.
constexpr std::string_view kInfinity{
    "\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", 16};
constexpr std::string_view kMinusInfinity{"\x80\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0", 16};

std::size_t add_text(const ColumnMapping& column, const Value& value, Parameters& out) {
    const std::optional<std::string> text = to_text(column.sent_as, value);
    if (!text) {
        throw Error(ErrorKind::value,
                    fmt::format("a value of column \"{}\" has no text form", column.column->name))
            .detail("It holds a type inside that only the source's server can write as text.")
            .hint("Give the target column the same type as at the source.");
    }
    out.add_text(*text);
    return text->size() + kOverhead;
}

}  // namespace

std::size_t ParameterBinder::bind(const Statement& statement, const RowChange& change,
                                  Parameters& out) {
    out.clear();
    std::size_t bytes = 0;
    for (const TupleField& field : statement.parameters) {
        const Value& value = value_at(change, field);
        if (value.is_unchanged_toast()) {
            throw Error(ErrorKind::protocol,
                        fmt::format("column \"{}\" has no value where one must stand",
                                    field.column->column->name));
        }
        if (value.is_null()) {
            out.add_null();
            bytes += kOverhead;
        } else {
            bytes += add(*field.column, value, out);
        }
    }
    return bytes;
}

std::size_t ParameterBinder::add(const ColumnMapping& column, const Value& value, Parameters& out) {
    if (column.binding == Binding::text) return add_text(column, value, out);
    if (column.binding == Binding::binary_array) return add_array(column, value, out);
    refuse_infinite_interval(column, value);
    std::string& buffer = out.begin_binary();
    const std::size_t before = buffer.size();
    append_binary(column.sent_as, value, buffer);
    const std::size_t size = buffer.size() - before;
    out.finish_binary();
    return size + kOverhead;
}

std::size_t ParameterBinder::add_array(const ColumnMapping& column, const Value& value,
                                       Parameters& out) {
    scratch_.clear();
    append_binary(column.sent_as, value, scratch_);
    set_array_element_oid(scratch_, column.column->element_oid);
    out.add_binary(scratch_);
    return scratch_.size() + kOverhead;
}

void ParameterBinder::refuse_infinite_interval(const ColumnMapping& column,
                                               const Value& value) const {
    if (column.sent_as.kind != ValueKind::interval) return;
    if (server_version_ >= kVersionWithInfiniteIntervals) return;
    if (value.bytes != kInfinity && value.bytes != kMinusInfinity) return;
    throw Error(ErrorKind::value,
                fmt::format("the target's version has no infinite interval for column \"{}\"",
                            column.column->name))
        .hint("Upgrade the target to PostgreSQL 17 or later.");
}

}  // namespace walpack
