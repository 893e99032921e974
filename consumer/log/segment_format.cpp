#include "log/segment_format.h"

#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/big_endian.h"
#include "base/check.h"

namespace walpack {
namespace {

constexpr std::string_view kLogMagic = "WALPACKL";
constexpr std::string_view kStateMagic = "WALPACKS";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderFixedBytes = 56;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::uint32_t kBeginsSession = 1;
constexpr std::uint32_t kIsFragment = 2;

enum Kind : std::uint32_t { kMessage = 1, kKeepalive = 2, kKeepaliveWithReply = 3 };

template <typename Number>
void put(std::string& out, Number number) {
    std::array<char, sizeof number> bytes;
    store_big_endian(bytes.data(), number);
    out.append(bytes.data(), bytes.size());
}

template <typename Number>
Number get(std::string_view bytes, std::size_t at) {
    WALPACK_CHECK(at + sizeof(Number) <= bytes.size());
    return load_big_endian<Number>(bytes.data() + at);
}

std::uint64_t checksum_of(std::string_view bytes, std::uint64_t seed = 0) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// Of the head without its checksum and of the payload.
std::uint64_t entry_checksum(std::string_view head, std::string_view payload, EntryPlace place) {
    std::array<char, 16> where;
    store_big_endian(where.data(), place.segment);
    store_big_endian(where.data() + 8, place.offset);
    const std::uint64_t seed = checksum_of({where.data(), where.size()});
    return checksum_of(payload, checksum_of(head, seed));
}

std::string encode_head(const EntryHead& head) {
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(head.payload_bytes));
    put(bytes, head.kind);
    put(bytes, head.lsn.value);
    put(bytes, head.sequence);
    return bytes;
}

}  // namespace

std::string encode_header(const SegmentHeader& header) {
    const LogIdentity& identity = header.identity;
    std::string bytes(kLogMagic);
    put(bytes, kVersion);
    put(bytes, static_cast<std::uint32_t>(kHeaderFixedBytes + identity.pipeline.size() +
                                          identity.slot.size() + kChecksumBytes));
    put(bytes, header.number);
    put(bytes, header.from.value);
    put(bytes, header.first);
    put(bytes, identity.source_system_identifier);
    put(bytes,
        (header.begins_session ? kBeginsSession : 0U) | (header.is_fragment ? kIsFragment : 0U));
    put(bytes, static_cast<std::uint16_t>(identity.pipeline.size()));
    put(bytes, static_cast<std::uint16_t>(identity.slot.size()));
    WALPACK_CHECK(bytes.size() == kHeaderFixedBytes);
    bytes += identity.pipeline;
    bytes += identity.slot;
    put(bytes, checksum_of(bytes));
    WALPACK_CHECK(bytes.size() <= kHeaderBytesMax);
    return bytes;
}

std::optional<std::size_t> header_bytes(std::string_view start) {
    if (start.size() < 16 || start.substr(0, 8) != kLogMagic) return std::nullopt;
    if (get<std::uint32_t>(start, 8) != kVersion) return std::nullopt;
    const std::size_t bytes = get<std::uint32_t>(start, 12);
    if (bytes < kHeaderFixedBytes + kChecksumBytes || bytes > kHeaderBytesMax) return std::nullopt;
    return bytes;
}

bool is_of_other_version(std::string_view start) {
    return start.size() >= 16 && start.substr(0, 8) == kLogMagic &&
           get<std::uint32_t>(start, 8) != kVersion;
}

std::optional<SegmentHeader> decode_header(std::string_view bytes) {
    if (header_bytes(bytes) != bytes.size()) return std::nullopt;
    const std::size_t end = bytes.size() - kChecksumBytes;
    if (get<std::uint64_t>(bytes, end) != checksum_of(bytes.substr(0, end))) return std::nullopt;
    SegmentHeader header;
    header.number = get<std::uint64_t>(bytes, 16);
    header.from = Lsn{get<std::uint64_t>(bytes, 24)};
    header.first = get<std::uint64_t>(bytes, 32);
    header.identity.source_system_identifier = get<std::uint64_t>(bytes, 40);
    const auto flags = get<std::uint32_t>(bytes, 48);
    header.begins_session = (flags & kBeginsSession) != 0;
    header.is_fragment = (flags & kIsFragment) != 0;
    const std::size_t pipeline = get<std::uint16_t>(bytes, 52);
    const std::size_t slot = get<std::uint16_t>(bytes, 54);
    if (kHeaderFixedBytes + pipeline + slot != end) return std::nullopt;
    header.identity.pipeline = bytes.substr(kHeaderFixedBytes, pipeline);
    header.identity.slot = bytes.substr(kHeaderFixedBytes + pipeline, slot);
    return header;
}

void encode_entry(const LogEntry& entry, std::uint64_t sequence, EntryPlace place,
                  std::string& out) {
    EntryHead head;
    head.sequence = sequence;
    std::string_view payload;
    if (const auto* message = std::get_if<ReceivedMessage>(&entry)) {
        head.kind = kMessage;
        head.lsn = message->lsn;
        payload = message->payload;
    } else {
        const auto& keepalive = std::get<ReceivedKeepalive>(entry);
        head.kind = keepalive.reply_requested ? kKeepaliveWithReply : kKeepalive;
        head.lsn = keepalive.wal_end;
    }
    head.payload_bytes = payload.size();
    const std::string bytes = encode_head(head);
    out += bytes;
    put(out, entry_checksum(bytes, payload, place));
    out += payload;
}

EntryHead decode_head(std::string_view head) {
    EntryHead decoded;
    decoded.payload_bytes = get<std::uint32_t>(head, 0);
    decoded.kind = get<std::uint32_t>(head, 4);
    decoded.lsn = Lsn{get<std::uint64_t>(head, 8)};
    decoded.sequence = get<std::uint64_t>(head, 16);
    decoded.checksum = get<std::uint64_t>(head, 24);
    return decoded;
}

std::optional<LogEntry> decode_entry(const EntryHead& head, std::string_view payload,
                                     EntryPlace place) {
    if (head.checksum != entry_checksum(encode_head(head), payload, place)) return std::nullopt;
    if (head.kind == kMessage) return ReceivedMessage{head.lsn, payload};
    if (head.kind == kKeepalive) return ReceivedKeepalive{head.lsn, false};
    if (head.kind == kKeepaliveWithReply) return ReceivedKeepalive{head.lsn, true};
    return std::nullopt;
}

std::string encode_state(const SegmentState& state) {
    std::string bytes(kStateMagic);
    put(bytes, kVersion);
    put(bytes, std::uint32_t{0});
    put(bytes, state.number);
    put(bytes, state.first);
    put(bytes, state.from.value);
    put(bytes, std::uint64_t{state.state.size()});
    put(bytes, checksum_of(state.state, checksum_of(bytes)));
    WALPACK_CHECK(bytes.size() == kStateHeadBytes);
    return bytes + state.state;
}

std::optional<SegmentState> decode_state(std::string_view bytes) {
    if (bytes.size() < kStateHeadBytes || bytes.substr(0, 8) != kStateMagic) return std::nullopt;
    if (get<std::uint32_t>(bytes, 8) != kVersion) return std::nullopt;
    const std::string_view content = bytes.substr(kStateHeadBytes);
    if (get<std::uint64_t>(bytes, 40) != content.size()) return std::nullopt;
    if (get<std::uint64_t>(bytes, 48) != checksum_of(content, checksum_of(bytes.substr(0, 48))))
        return std::nullopt;
    SegmentState state;
    state.number = get<std::uint64_t>(bytes, 16);
    state.first = get<std::uint64_t>(bytes, 24);
    state.from = Lsn{get<std::uint64_t>(bytes, 32)};
    state.state = content;
    return state;
}

}  // namespace walpack
