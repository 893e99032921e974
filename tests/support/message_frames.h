// Where messages of the server's protocol begin and end in one direction of a connection, so that a
// line can be cut at any of them. Without TLS: connect with sslmode=disable gssencmode=disable.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace walpack::e2e {

// What is still to come before the cut; shared by all connections that may carry it.
struct CutPoint {
    int messages = 0;       // the one with this number is the last; counts down
    std::size_t bytes = 0;  // of it, the type byte included; all of it when it is shorter
};

class MessageFrames {
  public:
    // The first message of a client has no type byte.
    explicit MessageFrames(bool begins_with_startup) : is_startup_(begins_with_startup) {}

    // Goes on by `bytes`. When the cut lies in them: how many of them come before it.
    std::optional<std::size_t> advance(std::string_view bytes, CutPoint& cut);

  private:
    void read_head(char byte);
    bool is_at_end() const;

    bool is_startup_;
    bool is_last_ = false;    // the cut is in this message
    std::size_t offset_ = 0;  // in the message
    std::size_t length_ = 0;  // of it, once its head was read
};

}  // namespace walpack::e2e
