// Bytes -> records. Trusts nothing it reads.
//
// One Decoder serves one decoding session (one START_REPLICATION): relation ids are valid for a
// session only, and a session's first record must be Hello. Ids of a streamed or prepared
// transaction are its own. Compressed messages are undone before (decompressor.h). No allocation is
// driven by a length field: every length is checked against the bytes that are there first. Nesting
// is bounded. Anything unknown, truncated, oversized or out of place throws Error(protocol) with
// the byte offset in the message; after that the Decoder must not be used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/record.h"

namespace walpack {

struct DecoderLimits {
    std::size_t record_bytes_max = std::size_t{2} << 30;  // of a record reassembled from fragments
    std::size_t relations_max = 1'000'000;                // of one scope
    // Streamed ones in progress: what a server's largest max_connections allows.
    std::size_t transactions_max = 300'000;
};

// What the first message is: that of a session, or of a streamed transaction read again, which has
// a Hello only if it was both.
enum class DecoderStart : std::uint8_t { session, streamed_transaction };

class Decoder {
  public:
    explicit Decoder(DecoderLimits limits = {}, DecoderStart start = DecoderStart::session);
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    // Called per record with the offset of the record's first byte in the message (for a record
    // made of fragments, the offset of the last fragment).
    using Sink = std::function<void(const Record& record, std::size_t offset)>;

    // Decodes one whole message. Rows of a run are handed out one RowChange each, all with the
    // run's offset. A message that is a fragment hands out nothing until its last piece.
    void decode(std::string_view message, const Sink& sink);

    // One message that puts a new Decoder where this one is, as its first: Hello and the relations
    // described so far, each as it was described last. Not those of streamed and prepared
    // transactions. Between two messages, behind the first.
    std::string session_state() const;

    // True between the first and the last piece of a record in fragments.
    bool is_inside_fragments() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace walpack
