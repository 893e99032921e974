// msgpack's events -> the fields of a record, or the values of its rows.
//
// The only header that includes msgpack. One visitor reads one record after another. Fields of a
// record are collected up to a bound; rows are not, they go on as they come, each as soon as it is
// whole. Nesting deeper than any record has is refused at once. No length that the wire claims is
// believed: msgpack hands out text once all of it is there, and arrays element by element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <msgpack.hpp>

#include "decode/field.h"
#include "decode/record_cursor.h"
#include "decode/row_run.h"

namespace walpack {

// What the visitor asks while a record is still being read.
class RecordGate {
  public:
    virtual ~RecordGate() = default;
    // The record's type is known; throws when such a record must not stand here.
    virtual void on_type(const Field& type) = 0;
    // The first field behind the type.
    virtual void on_first_field(std::uint64_t record_type, const Field& field,
                                std::uint64_t elements) = 0;
};

class RecordVisitor : public msgpack::null_visitor {
  public:
    RecordVisitor(RecordGate& gate, RecordCursor& cursor, RowRun& rows)
        : gate_(gate), cursor_(cursor), rows_(rows) {}

    // Before each record.
    void open();
    // From now on the record's elements are tuples.
    void begin_rows() { is_in_rows_ = true; }

    std::uint64_t record_type() const { return record_type_; }
    std::uint64_t elements() const { return elements_; }
    // What follows the record's type.
    std::span<const Field> fields() const { return std::span(fields_).subspan(1); }
    bool is_rows() const { return is_in_rows_; }

    bool visit_nil() {
        cursor_.advance();
        if (is_in_tuple())
            rows_.null();
        else
            put(Field{.type = WireType::nil, .integer = 0, .bytes = {}});
        return true;
    }
    bool visit_boolean(bool value) {
        cursor_.advance();
        if (is_in_tuple())
            rows_.boolean(value);
        else
            put(Field{.type = WireType::boolean, .boolean = value, .bytes = {}});
        return true;
    }
    bool visit_negative_integer(std::int64_t value) {
        cursor_.advance();
        if (is_in_tuple())
            rows_.integer(value);
        else
            put(Field{.type = WireType::integer, .integer = value, .bytes = {}});
        return true;
    }
    bool visit_positive_integer(std::uint64_t value) {
        constexpr std::uint64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
        if (value <= kSignedMax) return visit_negative_integer(static_cast<std::int64_t>(value));
        cursor_.advance();
        if (is_in_tuple())
            rows_.unsigned_integer(value);
        else
            put(Field{.type = WireType::unsigned_integer, .unsigned_integer = value, .bytes = {}});
        return true;
    }
    bool visit_float32(float value) { return visit_real(WireType::float32, double{value}); }
    bool visit_float64(double value) { return visit_real(WireType::float64, value); }
    bool visit_str(const char* bytes, std::uint32_t count) {
        return visit_bytes(WireType::str, {bytes, count});
    }
    bool visit_bin(const char* bytes, std::uint32_t count) {
        return visit_bytes(WireType::bin, {bytes, count});
    }
    bool visit_ext(const char* bytes, std::uint32_t count) {
        cursor_.advance();
        if (is_in_tuple())
            rows_.extension({bytes, count});
        else
            put(Field{.type = WireType::ext, .integer = 0, .bytes = {bytes, count}});
        return true;
    }

    bool start_array(std::uint32_t elements) {
        cursor_.advance();
        enter(WireType::array, elements);
        return true;
    }
    bool end_array() {
        leave();
        return true;
    }
    bool start_map(std::uint32_t pairs) {
        cursor_.advance();
        enter(WireType::map, pairs);
        return true;
    }
    bool end_map() {
        leave();
        return true;
    }

    void parse_error(std::size_t, std::size_t error_offset);
    void insufficient_bytes(std::size_t, std::size_t);

  private:
    bool is_in_tuple() const { return is_in_rows_ && depth_ == 2; }

    bool visit_real(WireType type, double value) {
        cursor_.advance();
        if (is_in_tuple())
            rows_.real(type, value);
        else
            put(Field{.type = type, .real = value, .bytes = {}});
        return true;
    }
    bool visit_bytes(WireType type, std::string_view bytes) {
        cursor_.advance();
        if (is_in_tuple())
            rows_.bytes(type, bytes);
        else
            put(Field{.type = type, .integer = 0, .bytes = bytes});
        return true;
    }

    void enter(WireType type, std::uint32_t count);
    void leave() {
        --depth_;
        if (is_in_rows_ && depth_ == 1) rows_.end_tuple();
    }
    void put(const Field& field);

    RecordGate& gate_;
    RecordCursor& cursor_;
    RowRun& rows_;
    std::vector<Field> fields_;
    std::uint64_t record_type_ = 0;
    std::uint64_t elements_ = 0;
    int depth_ = 0;
    bool is_in_rows_ = false;
};

}  // namespace walpack
