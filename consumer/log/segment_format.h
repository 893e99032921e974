// The bytes of a segment's files. Numbers are in network order.
//
//   NUMBER.log     header, then entries up to the end of the file
//     header       magic 8 | version 4 | bytes of the header 4 | number 8 | from 8 | first 8 |
//                  system identifier 8 | flags 4 | bytes of pipeline 2, of slot 2 | pipeline | slot
//                  | checksum 8
//     entry        bytes of payload 4 | kind 4 | lsn 8 | sequence 8 | checksum 8 | payload
//   NUMBER.state   magic 8 | version 4 | 0 4 | number 8 | first 8 | from 8 | bytes 8 | checksum
//   8
//                  | state
//
// NUMBER is the segment's, in 16 hexadecimal digits. Checksums are XXH3 over what stands before and
// behind them; that of an entry also covers the number of the segment and the offset in the file,
// so that an old or misplaced block is no entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/ordered_log.h"

namespace walpack {

constexpr std::size_t kEntryHeadBytes = 32;
constexpr std::size_t kHeaderBytesMax = 1 << 16;
constexpr std::size_t kStateHeadBytes = 56;

struct SegmentHeader {
    std::uint64_t number = 0;
    Lsn from;
    std::uint64_t first = 0;      // the sequence of the first entry in the file
    bool begins_session = false;  // then that is the SessionStart, which is not written
    bool is_fragment = false;     // the segment began before its file
    LogIdentity identity;
};

struct EntryHead {
    std::size_t payload_bytes = 0;
    std::uint32_t kind = 0;
    Lsn lsn;
    std::uint64_t sequence = 0;
    std::uint64_t checksum = 0;
};

std::string encode_header(const SegmentHeader& header);
// How many bytes the header has, from its first 16; nullopt when it is none of this version.
std::optional<std::size_t> header_bytes(std::string_view start);
// It begins as a segment's file does, but in a version that is not this one's.
bool is_of_other_version(std::string_view start);
std::optional<SegmentHeader> decode_header(std::string_view bytes);

// Where an entry stands.
struct EntryPlace {
    std::uint64_t segment;
    std::uint64_t offset;
};

// SessionStart is never written.
void encode_entry(const LogEntry& entry, std::uint64_t sequence, EntryPlace place,
                  std::string& out);
EntryHead decode_head(std::string_view head);
// nullopt when the bytes are not those that were written there.
std::optional<LogEntry> decode_entry(const EntryHead& head, std::string_view payload,
                                     EntryPlace place);

struct SegmentState {
    std::uint64_t number = 0;
    std::uint64_t first = 0;
    Lsn from;
    std::string state;
};

std::string encode_state(const SegmentState& state);
std::optional<SegmentState> decode_state(std::string_view bytes);

}  // namespace walpack
