#include "apply/cell.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "model/value_binary.h"
#include "model/value_form.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr int kVersionWithInfiniteIntervals = 170000;

// The extremes of all three fields; earlier servers would store them as a nonsensical interval.
// With their length before them, as they stand in arrays, ranges and multiranges: what else is
// there has a zero byte where these have none, or a length where these have none of its bytes.
constexpr std::string_view kInfinities[] = {
    {"\0\0\0\x10\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", 20},
    {"\0\0\0\x10\x80\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0", 20}};

bool has_infinite_interval(const Attribute& attribute, std::string_view binary) {
    return std::ranges::any_of(kInfinities, [&](std::string_view infinity) {
        if (attribute.kind == ValueKind::interval) return binary == infinity.substr(4);
        return binary.find(infinity) != std::string_view::npos;
    });
}

bool has_intervals(const Attribute& attribute) {
    return attribute.kind == ValueKind::interval || attribute.element_kind == ValueKind::interval;
}

// The commonest values in one step: length and number.
template <typename Number>
void append_number(const ColumnMapping& column, const Value& value, std::string& out) {
    char cell[Cell::kHeadBytes + sizeof(Number)];
    store_big_endian(cell, static_cast<std::int32_t>(sizeof(Number)));
    store_big_endian(cell + Cell::kHeadBytes,
                     static_cast<Number>(integer_of(column.sent_as, value)));
    out.append(cell, sizeof cell);
}

bool append_if_number(const ColumnMapping& column, const Value& value, std::string& out) {
    switch (column.sent_as.kind) {
        case ValueKind::int2:
            append_number<std::int16_t>(column, value, out);
            return true;
        case ValueKind::int4:
            append_number<std::int32_t>(column, value, out);
            return true;
        case ValueKind::int8:
            append_number<std::int64_t>(column, value, out);
            return true;
        default:
            return false;
    }
}

void append_text(const ColumnMapping& column, const Value& value, std::string& out) {
    const std::optional<std::string> text = to_text(column.sent_as, value);
    if (!text) {
        throw Error(ErrorKind::value,
                    fmt::format("a value of column \"{}\" has no text form", column.column->name))
            .detail("It holds a type inside that only the source's server can write as text.")
            .hint("Give the target column the same type as at the source.");
    }
    out += *text;
}

// Of a text: its bytes are the same in every form.
void refuse_cut_blanks(const ColumnMapping& column, const Value& value) {
    const auto most = static_cast<std::size_t>(column.cuts_blanks_beyond);
    if (!value.bytes.ends_with(' ') || count_characters(value.bytes) <= most) return;
    throw Error(ErrorKind::value,
                fmt::format("a value of column \"{}\" ends in blanks that {} would cut",
                            column.column->name, column.column->declared_type))
        .hint("Widen the column on the target.");
}

}  // namespace

CellForm form_of(Binding binding) {
    if (binding == Binding::text) return CellForm::text;
    return binding == Binding::binary_array ? CellForm::binary_array : CellForm::binary;
}

Cell CellReader::next() {
    WALPACK_CHECK(rest_.size() >= Cell::kHeadBytes);
    Cell cell;
    cell.length = load_big_endian<std::int32_t>(rest_.data());
    const std::size_t size =
        Cell::kHeadBytes + (cell.length < 0 ? 0 : static_cast<std::size_t>(cell.length));
    WALPACK_CHECK(size <= rest_.size());
    cell.whole = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return cell;
}

void CellEncoder::append(const ColumnMapping& column, CellForm form, const Value& value,
                         std::string& out) const {
    const bool has_value = !value.is_unchanged_toast() && !value.is_null();
    if (has_value && form == CellForm::binary && append_if_number(column, value, out)) return;
    const std::size_t start = out.size();
    out.append(Cell::kHeadBytes, '\0');
    std::int32_t length = Cell::kNull;
    if (value.is_unchanged_toast()) {
        length = Cell::kUnchanged;
    } else if (has_value) {
        append_bytes(column, form, value, out);
        const std::size_t size = out.size() - start - Cell::kHeadBytes;
        if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
            throw Error(ErrorKind::value,
                        fmt::format("a value of column \"{}\" is too long", column.column->name));
        }
        length = static_cast<std::int32_t>(size);
    }
    store_big_endian(out.data() + start, length);
}

void CellEncoder::append_bytes(const ColumnMapping& column, CellForm form, const Value& value,
                               std::string& out) const {
    if (column.cuts_blanks_beyond != 0) refuse_cut_blanks(column, value);
    // Of what is sent as text the server itself refuses what it has not.
    if (form == CellForm::text) return append_text(column, value, out);
    const std::size_t start = out.size();
    append_binary(column.sent_as, value, out);
    if (form == CellForm::binary_array)
        set_array_element_oid(out, column.column->element_oid, start);
    if (has_intervals(column.sent_as) && server_version_ < kVersionWithInfiniteIntervals &&
        has_infinite_interval(column.sent_as, std::string_view(out).substr(start)))
        throw Error(ErrorKind::value,
                    fmt::format("the target's version has no infinite interval for column \"{}\"",
                                column.column->name))
            .hint("Upgrade the target to PostgreSQL 17 or later.");
}

}  // namespace walpack
