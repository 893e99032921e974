#include "support/wire_builder.h"

#include <lz4.h>
#include <msgpack.hpp>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walpack::wire {
namespace {

constexpr std::int64_t kTime = 848'000'000'000'000;

// What msgpack::packer writes to.
struct StringBuffer {
    std::string bytes;
    void write(const char* data, std::size_t count) { bytes.append(data, count); }
};

template <typename Pack>
Bytes packed(Pack pack) {
    StringBuffer buffer;
    msgpack::packer<StringBuffer> packer(buffer);
    pack(packer);
    return buffer.bytes;
}

std::uint32_t size32(std::size_t size) {
    return static_cast<std::uint32_t>(size);
}

Bytes joined(const std::vector<Bytes>& pieces) {
    Bytes all;
    for (const Bytes& piece : pieces) all += piece;
    return all;
}

std::uint32_t digest_of_all(const std::vector<Bytes>& messages) {
    std::uint64_t digest = 0;
    for (const Bytes& each : messages) digest = digest_of(each, digest);
    return static_cast<std::uint32_t>(digest);
}

Bytes type_of(std::uint32_t oid, const std::string& name) {
    return array({integer(oid), str("pg_catalog"), str(name)});
}

}  // namespace

Bytes nil() {
    return packed([](auto& packer) { packer.pack_nil(); });
}

Bytes boolean(bool value) {
    return packed([=](auto& packer) { packer.pack(value); });
}

Bytes integer(std::int64_t value) {
    return packed([=](auto& packer) { packer.pack_int64(value); });
}

Bytes unsigned_integer(std::uint64_t value) {
    return packed([=](auto& packer) { packer.pack_uint64(value); });
}

// Not pack_float(): it writes a whole number as an integer.
Bytes float32(float value) {
    std::uint32_t bits = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&bits, &value, sizeof bits);
    return "\xca" + big_endian(static_cast<std::int64_t>(bits), sizeof bits);
}

Bytes float64(double value) {
    std::int64_t bits = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&bits, &value, sizeof bits);
    return "\xcb" + big_endian(bits, sizeof bits);
}

Bytes str(std::string_view bytes) {
    return packed([=](auto& packer) {
        packer.pack_str(size32(bytes.size()));
        packer.pack_str_body(bytes.data(), size32(bytes.size()));
    });
}

Bytes bin(std::string_view bytes) {
    return packed([=](auto& packer) {
        packer.pack_bin(size32(bytes.size()));
        packer.pack_bin_body(bytes.data(), size32(bytes.size()));
    });
}

Bytes extension(std::int8_t type, std::string_view bytes) {
    return packed([=](auto& packer) {
        packer.pack_ext(bytes.size(), type);
        packer.pack_ext_body(bytes.data(), size32(bytes.size()));
    });
}

Bytes unchanged_toast() {
    return extension(WALPACK_EXT_UNCHANGED_TOAST, std::string_view("\0", 1));
}

Bytes array(const std::vector<Bytes>& elements) {
    return packed([&](auto& packer) { packer.pack_array(size32(elements.size())); }) +
           joined(elements);
}

Bytes map(const std::vector<Bytes>& keys_and_values) {
    return packed([&](auto& packer) { packer.pack_map(size32(keys_and_values.size() / 2)); }) +
           joined(keys_and_values);
}

Bytes big_endian(std::int64_t number, std::size_t width) {
    Bytes bytes;
    for (std::size_t byte = width; byte-- > 0;)
        bytes += static_cast<char>(static_cast<std::uint64_t>(number) >> 8 * byte);
    return bytes;
}

RelationFields with_full_identity(RelationFields table) {
    table.replica_identity = "f";
    for (ColumnFields& column : table.columns) column.flags |= WALPACK_COLUMN_KEY;
    return table;
}

RelationFields without_identity(RelationFields table) {
    table.replica_identity = "n";
    for (ColumnFields& column : table.columns) column.flags &= ~std::uint32_t{WALPACK_COLUMN_KEY};
    return table;
}

Bytes hello() {
    return hello_of_version(WALPACK_PROTOCOL_VERSION);
}

Bytes hello_of_version(std::int64_t protocol_version) {
    return array({integer(WALPACK_HELLO), integer(protocol_version), str("1.0.0"), integer(150020),
                  unsigned_integer(7711787490164770451), str("shop"), str("UTF8"),
                  map({str("frame_bytes"), str("65536"), str("messages"), str("off")})});
}

Bytes column(const ColumnFields& fields) {
    const bool has_element = fields.element_kind != 0;
    return array({str(fields.name), integer(fields.kind), integer(fields.flags), integer(-1),
                  type_of(23, fields.type), nil(),
                  has_element ? type_of(23, fields.element) : nil(),
                  has_element ? integer(fields.element_kind) : nil()});
}

Bytes relation(const RelationFields& fields) {
    std::vector<Bytes> columns;
    for (const ColumnFields& each : fields.columns) columns.push_back(column(each));
    return array({integer(WALPACK_RELATION), integer(fields.id), integer(fields.version),
                  integer(16384), str("public"), str(fields.name), str(fields.relkind),
                  str(fields.replica_identity), fields.leaf.empty() ? nil() : str(fields.leaf),
                  array(columns)});
}

Bytes begin(std::uint64_t commit_lsn, std::uint32_t xid) {
    return array(
        {integer(WALPACK_BEGIN), integer(xid), unsigned_integer(commit_lsn), integer(kTime)});
}

Bytes commit(const CommitFields& fields) {
    return array({integer(WALPACK_COMMIT), unsigned_integer(fields.commit_lsn),
                  unsigned_integer(fields.length), unsigned_integer(fields.changes),
                  integer(fields.digest)});
}

Bytes rows(int record_type, std::uint32_t relation, const std::vector<Bytes>& tuples) {
    std::vector<Bytes> elements = {integer(record_type), integer(relation)};
    elements.insert(elements.end(), tuples.begin(), tuples.end());
    return array(elements);
}

Bytes insert(std::uint32_t relation, const std::vector<Bytes>& tuples) {
    return rows(WALPACK_INSERT, relation, tuples);
}

Bytes truncate(std::uint32_t flags, const std::vector<Bytes>& relations) {
    return array({integer(WALPACK_TRUNCATE), integer(flags), array(relations)});
}

Bytes message(std::uint32_t flags, std::string_view prefix, std::string_view content) {
    return array(
        {integer(WALPACK_MESSAGE), integer(flags), integer(0xABC), str(prefix), bin(content)});
}

Bytes notice(std::string_view publication) {
    return array(
        {integer(WALPACK_NOTICE), integer(WALPACK_NOTICE_PUBLICATION_MISSING), str(publication)});
}

Bytes fragment(std::uint32_t flags, std::string_view bytes) {
    return array({integer(WALPACK_FRAGMENT), integer(flags), bin(bytes)});
}

std::vector<Bytes> fragments_of(const Bytes& record, std::size_t piece) {
    std::vector<Bytes> messages;
    for (std::size_t at = 0; at < record.size(); at += piece) {
        const bool is_last = at + piece >= record.size();
        const std::uint32_t flags =
            (at == 0 ? WALPACK_FRAGMENT_FIRST : 0) | (is_last ? WALPACK_FRAGMENT_LAST : 0);
        messages.push_back(fragment(flags, record.substr(at, piece)));
    }
    return messages;
}

Bytes origin(std::string_view name) {
    return array({integer(WALPACK_ORIGIN), str(name)});
}

Bytes stream_start(std::uint32_t xid) {
    return array({integer(WALPACK_STREAM_START), integer(xid)});
}

Bytes stream_stop() {
    return array({integer(WALPACK_STREAM_STOP)});
}

Bytes subtransaction(std::uint32_t xid) {
    return array({integer(WALPACK_SUBTRANSACTION), integer(xid)});
}

Bytes stream_abort(std::uint32_t xid, std::uint32_t subtransaction_xid) {
    return array({integer(WALPACK_STREAM_ABORT), integer(xid), integer(subtransaction_xid)});
}

Bytes stream_commit(const CommitFields& fields, std::uint32_t xid) {
    return array({integer(WALPACK_STREAM_COMMIT), integer(xid), unsigned_integer(fields.commit_lsn),
                  unsigned_integer(fields.length), integer(kTime), unsigned_integer(fields.changes),
                  integer(fields.digest)});
}

Bytes begin_prepare(std::uint64_t prepare_lsn, std::uint32_t xid) {
    return array({integer(WALPACK_BEGIN_PREPARE), integer(xid), unsigned_integer(prepare_lsn),
                  integer(kTime), str("g")});
}

Bytes prepare(const CommitFields& fields) {
    return array({integer(WALPACK_PREPARE), unsigned_integer(fields.commit_lsn),
                  unsigned_integer(fields.length), unsigned_integer(fields.changes),
                  integer(fields.digest)});
}

Bytes stream_prepare(const CommitFields& fields, std::uint32_t xid) {
    return array({integer(WALPACK_STREAM_PREPARE), integer(xid),
                  unsigned_integer(fields.commit_lsn), unsigned_integer(fields.length),
                  integer(kTime), str("g"), unsigned_integer(fields.changes),
                  integer(fields.digest)});
}

Bytes commit_prepared(std::uint64_t commit_lsn, std::uint32_t xid) {
    return array({integer(WALPACK_COMMIT_PREPARED), integer(xid), str("g"),
                  unsigned_integer(commit_lsn), integer(0x30), integer(kTime)});
}

Bytes rollback_prepared(std::uint32_t xid) {
    return array({integer(WALPACK_ROLLBACK_PREPARED), integer(xid), str("g"), integer(0x1030),
                  integer(kTime), integer(0x2030), integer(kTime)});
}

Bytes compressed_record(int method, std::uint64_t bytes, std::string_view data) {
    return array(
        {integer(WALPACK_COMPRESSED), integer(method), unsigned_integer(bytes), bin(data)});
}

Bytes compressed(int method, std::string_view message) {
    const bool is_lz4 = method == WALPACK_COMPRESSION_LZ4;
    const int count = static_cast<int>(message.size());
    Bytes data(is_lz4 ? static_cast<std::size_t>(LZ4_compressBound(count))
                      : ZSTD_compressBound(message.size()),
               '\0');
    const std::size_t made =
        is_lz4 ? static_cast<std::size_t>(LZ4_compress_default(message.data(), data.data(), count,
                                                               static_cast<int>(data.size())))
               : ZSTD_compress(data.data(), data.size(), message.data(), message.size(), 1);
    data.resize(made);
    return compressed_record(method, message.size(), data);
}

std::uint64_t digest_of(std::string_view message, std::uint64_t digest_before) {
    return XXH3_64bits_withSeed(message.data(), message.size(), digest_before);
}

std::vector<Bytes> with_commit(std::vector<Bytes> messages, CommitFields fields) {
    fields.digest = digest_of_all(messages);
    messages.back() += commit(fields);
    return messages;
}

std::vector<Bytes> with_prepare(std::vector<Bytes> messages, CommitFields fields) {
    fields.digest = digest_of_all(messages);
    messages.back() += prepare(fields);
    return messages;
}

std::vector<Bytes> with_stream_commit(std::vector<Bytes> messages, CommitFields fields,
                                      std::uint32_t xid) {
    fields.digest = digest_of_all(messages);
    messages.push_back(stream_commit(fields, xid));
    return messages;
}

}  // namespace walpack::wire
