#include "decode/record_cursor.h"

#include <fmt/format.h>

#include "base/error.h"
#include "decode/value_head.h"

namespace walpack {

void RecordCursor::open(std::string_view bytes, std::size_t offset, bool is_reassembled) {
    bytes_ = bytes;
    offset_ = offset;
    values_ = 0;
    is_reassembled_ = is_reassembled;
}

void RecordCursor::fail(const std::string& what) const {
    fail_at_value(what, values_ == 0 ? 0 : values_ - 1);
}

void RecordCursor::fail_at_value(const std::string& what, std::uint64_t number) const {
    fail_at_byte(what, offset_of_value(bytes_, number));
}

void RecordCursor::fail_at_byte(const std::string& what, std::size_t byte) const {
    throw Error(ErrorKind::protocol,
                fmt::format("{} at byte {} of a {}", what, offset_ + byte,
                            is_reassembled_ ? "record in fragments" : "message"));
}

}  // namespace walpack
