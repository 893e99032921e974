#include "apply/cell.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/error.h"
#include "model/value_binary.h"
#include "model/value_form.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr int kVersionWithInfiniteIntervals = 170000;

// The extremes of all three fields; earlier servers would store them as a nonsensical interval.
constexpr std::string_view kInfinity{
    "\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", 16};
constexpr std::string_view kMinusInfinity{"\x80\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0", 16};

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
    refuse_infinite_interval(column, value);
    switch (form) {
        case CellForm::text:
            return append_text(column, value, out);
        case CellForm::binary:
            return append_binary(column.sent_as, value, out);
        case CellForm::binary_array: {
            const std::size_t start = out.size();
            append_binary(column.sent_as, value, out);
            set_array_element_oid(out, column.column->element_oid, start);
            return;
        }
    }
}

void CellEncoder::refuse_infinite_interval(const ColumnMapping& column, const Value& value) const {
    if (column.sent_as.kind != ValueKind::interval) return;
    if (server_version_ >= kVersionWithInfiniteIntervals) return;
    if (value.bytes != kInfinity && value.bytes != kMinusInfinity) return;
    throw Error(ErrorKind::value,
                fmt::format("the target's version has no infinite interval for column \"{}\"",
                            column.column->name))
        .hint("Upgrade the target to PostgreSQL 17 or later.");
}

}  // namespace walpack
