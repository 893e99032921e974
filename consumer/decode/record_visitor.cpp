#include "decode/record_visitor.h"

#include <fmt/format.h>

namespace walpack {
namespace {

// A record, its columns, a column, its type.
constexpr int kDepthMax = 4;
// Some 22 fields describe a column, and a relation has at most 1664 of them; a Truncate may name a
// great many relations.
constexpr std::size_t kFieldsMax = 1'000'000;
constexpr std::size_t kKeptFieldsMax = 4096;

}  // namespace

void RecordVisitor::open() {
    if (fields_.capacity() > kKeptFieldsMax) {
        fields_.clear();
        fields_.shrink_to_fit();
    }
    fields_.clear();
    record_type_ = 0;
    elements_ = 0;
    depth_ = 0;
    is_in_rows_ = false;
}

void RecordVisitor::enter(WireType type, std::uint32_t count) {
    if (depth_ == kDepthMax) cursor_.fail("values are nested too deeply");
    if (depth_ == 0) {
        if (type != WireType::array) cursor_.fail("record is a map instead of an array");
        if (count == 0) cursor_.fail("record is empty");
        elements_ = count;
    } else if (!is_in_rows_) {
        put(Field{.type = type, .count = count, .bytes = {}});
    } else if (depth_ > 1) {
        rows_.fail_value(type);
    } else if (type != WireType::array) {
        rows_.fail_no_tuple(type);
    } else {
        rows_.begin_tuple(count);
    }
    ++depth_;
}

void RecordVisitor::put(const Field& field) {
    if (depth_ == 0)
        cursor_.fail(fmt::format("record is {} instead of an array", name_of(field.type)));
    if (is_in_rows_) rows_.fail_no_tuple(field.type);
    if (fields_.size() == kFieldsMax) cursor_.fail("record has too many fields");
    fields_.push_back(field);
    if (fields_.size() == 1) {
        gate_.on_type(field);
        record_type_ = static_cast<std::uint64_t>(field.integer);
    } else if (fields_.size() == 2) {
        gate_.on_first_field(record_type_, field, elements_);
    }
}

void RecordVisitor::parse_error(std::size_t, std::size_t error_offset) {
    cursor_.fail_at_byte("byte is no MessagePack", error_offset);
}

void RecordVisitor::insufficient_bytes(std::size_t, std::size_t) {
    cursor_.fail_at_byte("message ends inside of a record", cursor_.bytes_left());
}

}  // namespace walpack
