#include "support/message_frames.h"

namespace walpack::e2e {
namespace {

constexpr std::size_t kLengthBytes = 4;

}  // namespace

// The length counts itself, and not the type byte before it.
void MessageFrames::read_head(char byte) {
    const std::size_t type_bytes = is_startup_ ? 0 : 1;
    if (offset_ >= type_bytes && offset_ < type_bytes + kLengthBytes)
        length_ = (length_ << 8) | static_cast<unsigned char>(byte);
    ++offset_;
    if (offset_ == type_bytes + kLengthBytes) length_ += type_bytes;
}

bool MessageFrames::is_at_end() const {
    const std::size_t head = (is_startup_ ? 0 : 1) + kLengthBytes;
    return offset_ >= head && offset_ == length_;
}

std::optional<std::size_t> MessageFrames::advance(std::string_view bytes, CutPoint& cut) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (offset_ == 0 && cut.messages > 0) is_last_ = --cut.messages == 0;
        if (is_last_ && offset_ == cut.bytes) return i;
        read_head(bytes[i]);
        if (!is_at_end()) continue;
        if (is_last_) return i + 1;
        is_startup_ = false;
        offset_ = 0;
        length_ = 0;
    }
    return std::nullopt;
}

}  // namespace walpack::e2e
