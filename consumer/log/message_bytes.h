// The bytes of one message: immutable, shared by all who hold the message, freed with the last.
//
// An entry stays in the log after it was taken, and several readers take the same one; none of them
// has a copy. Thread-safe as shared_ptr is.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace walpack {

class MessageBytes {
  public:
    MessageBytes() = default;
    // Implicit, so that a message is made of whatever its bytes lie in.
    MessageBytes(std::string_view bytes)  // NOLINT(google-explicit-constructor)
        : bytes_(std::make_shared_for_overwrite<char[]>(bytes.size())), size_(bytes.size()) {
        if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
    }
    MessageBytes(const std::string& bytes)  // NOLINT(google-explicit-constructor)
        : MessageBytes(std::string_view(bytes)) {}
    MessageBytes(const char* text)  // NOLINT(google-explicit-constructor)
        : MessageBytes(std::string_view(text)) {}

    // Valid as long as this object, or a copy of it.
    std::string_view view() const { return {bytes_.get(), size_}; }
    operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
    std::size_t size() const { return size_; }
    std::string to_string() const { return std::string(view()); }

    friend bool operator==(const MessageBytes& left, std::string_view right) {
        return left.view() == right;
    }

  private:
    std::shared_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

}  // namespace walpack
