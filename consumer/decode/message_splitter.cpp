#include "decode/message_splitter.h"

#include <fmt/format.h>

#include "base/error.h"
#include "decode/value_head.h"

namespace walpack {
namespace {

constexpr char kNewline = '\n';

}  // namespace

void MessageSplitter::feed(std::string_view bytes, const Sink& sink) {
    buffer_ += bytes;
    while (next_ < buffer_.size() && step(sink)) {
    }
    buffer_.erase(0, message_start_);
    buffer_offset_ += message_start_;
    next_ -= message_start_;
    message_start_ = 0;
}

// False when the bytes at hand do not suffice.
bool MessageSplitter::step(const Sink& sink) {
    if (values_left_ > 0) return step_over_value();
    if (buffer_[next_] != kNewline) {
        if (!is_array_head(buffer_[next_])) fail("neither a record nor a newline stands");
        values_left_ = 1;
        return true;
    }
    const std::string_view message =
        std::string_view(buffer_).substr(message_start_, next_ - message_start_);
    if (!message.empty()) sink(message, buffer_offset_ + message_start_);
    message_start_ = ++next_;
    return true;
}

bool MessageSplitter::step_over_value() {
    const std::string_view rest = std::string_view(buffer_).substr(next_);
    const std::size_t head_bytes = head_bytes_of(rest.front());
    if (head_bytes == 0) fail("no MessagePack stands");
    if (head_bytes > rest.size()) return false;
    const ValueHead head = read_head(rest);
    values_left_ += head.children;
    values_left_ -= 1;
    next_ += head.head_bytes;
    // Every value has a byte at least.
    const std::uint64_t bytes = next_ - message_start_ + head.payload_bytes + values_left_;
    if (bytes > message_bytes_max_) fail("a message is too large");
    next_ += static_cast<std::size_t>(head.payload_bytes);
    return true;
}

void MessageSplitter::finish(const Sink& sink) {
    if (message_start_ == buffer_.size()) return;
    if (values_left_ > 0 || next_ != buffer_.size())
        throw Error(
            ErrorKind::protocol,
            fmt::format("stream ends at byte {} inside of the message that starts at byte {}",
                        buffer_offset_ + buffer_.size(), buffer_offset_ + message_start_));
    sink(buffer_, buffer_offset_);
    buffer_.clear();
    next_ = 0;
}

void MessageSplitter::fail(const char* what) const {
    throw Error(ErrorKind::protocol,
                fmt::format("{} at byte {} of the stream", what, buffer_offset_ + next_));
}

}  // namespace walpack
