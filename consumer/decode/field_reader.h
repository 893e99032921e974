// Takes the fields of a record one by one, each checked for its type and range.
//
// Nested arrays stand in the same sequence as their elements: an array's head is taken with
// array(), then its elements. Everything throws Error(protocol) with the offset of the field that
// is wrong; `what` names the field in that text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "decode/field.h"
#include "decode/record_cursor.h"

namespace walpack {

class FieldReader {
  public:
    // `fields` follow the record's type; its own array has `elements` elements. Fields and cursor
    // outlive the reader.
    FieldReader(std::span<const Field> fields, std::uint64_t elements, const RecordCursor& cursor)
        : fields_(fields), elements_(elements), cursor_(cursor) {}

    // The number of elements of the record, its type included.
    void expect_elements(std::uint64_t count) const;

    std::uint64_t unsigned_integer(std::string_view what, std::uint64_t max);
    std::uint32_t uint32(std::string_view what);
    std::uint64_t uint64(std::string_view what);
    std::int64_t int64(std::string_view what);
    std::int32_t int32(std::string_view what);
    // A uint32 none of whose bits are outside of `known`.
    std::uint32_t flags(std::string_view what, std::uint32_t known);
    // str, or bin from a database that is not UTF8.
    std::string_view text(std::string_view what);
    // The text of an SQL name: not empty, no zero byte.
    std::string name(std::string_view what);
    // A str of one character of `allowed`.
    char letter(std::string_view what, std::string_view allowed);
    std::string_view bin(std::string_view what);
    // Takes the head; returns the number of elements, or of pairs.
    std::uint64_t array(std::string_view what);
    void array_of(std::string_view what, std::uint64_t count);
    std::uint64_t map(std::string_view what);
    // Takes the next field when it is nil.
    bool skip_nil();

    // At the field taken last.
    [[noreturn]] void fail(const std::string& what) const;

  private:
    const Field& take(std::string_view what);
    const Field& take(std::string_view what, WireType type);
    [[noreturn]] void fail_type(std::string_view what) const;

    std::span<const Field> fields_;
    std::uint64_t elements_;
    const RecordCursor& cursor_;
    std::size_t taken_ = 0;
};

}  // namespace walpack
