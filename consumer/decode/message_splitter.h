// A stream of bytes -> messages, as `pg_recvlogical -f` lays them out: a newline (0x0A) behind each
// message.
//
//     stream  = { message 0x0A }
//     message = record { record }
//
// A newline byte may stand anywhere inside of a record, so records have to be walked over: 0x0A
// where a record may start is the end of the message. Only heads are looked at; what is wrong
// inside of a record is the Decoder's business. Memory grows by what has arrived, up to one
// message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace walpack {

class MessageSplitter {
  public:
    // A message is valid during the call; offset is that of its first byte in the stream.
    using Sink = std::function<void(std::string_view message, std::uint64_t offset)>;

    // The plugin's messages have at most about twice its frame_bytes, which has a maximum of 16
    // MiB.
    explicit MessageSplitter(std::size_t message_bytes_max = std::size_t{256} << 20)
        : message_bytes_max_(message_bytes_max) {}

    // Hands out the messages that are complete with these bytes. Throws Error(protocol) with the
    // offset in the stream where neither a record nor a newline stands, or for a message that is
    // too large; then the splitter must not be used again.
    void feed(std::string_view bytes, const Sink& sink);

    // The stream has ended. A last message without its newline is handed out when its last record
    // is whole; throws Error(protocol) when it is cut.
    void finish(const Sink& sink);

  private:
    bool step(const Sink& sink);
    bool step_over_value();
    [[noreturn]] void fail(const char* what) const;

    std::size_t message_bytes_max_;
    std::string buffer_;               // from the start of the last message on
    std::uint64_t buffer_offset_ = 0;  // in the stream
    std::size_t message_start_ = 0;    // in the buffer
    std::size_t next_ = 0;             // of the next value; may lie behind what has arrived
    std::uint64_t values_left_ = 0;    // of the record; 0 where a record may start
};

}  // namespace walpack
