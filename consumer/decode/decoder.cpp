#include "decode/decoder.h"

#include <limits>
#include <map>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "decode/fragment_buffer.h"
#include "decode/record_cursor.h"
#include "decode/record_fields.h"
#include "decode/record_visitor.h"
#include "decode/relation_scopes.h"
#include "decode/row_run.h"
#include "protocol/format.h"

namespace walpack {
namespace {

// Never cut: what stands at the edges of transactions and blocks, since the digest is told by the
// place of the end.
bool may_be_in_fragments(std::uint64_t type) {
    return type != WALPACK_HELLO && type != WALPACK_BEGIN && type != WALPACK_COMMIT &&
           type != WALPACK_FRAGMENT && (type <= WALPACK_ORIGIN || type == WALPACK_SUBTRANSACTION);
}

}  // namespace

struct Decoder::State : RecordGate {
    State(DecoderLimits limits, DecoderStart start)
        : message_bytes_max(limits.record_bytes_max),
          needs_hello(start == DecoderStart::session),
          scopes(limits.relations_max, limits.transactions_max),
          fragments(limits.record_bytes_max),
          rows(cursor),
          visitor(*this, cursor, rows) {}

    void decode(std::string_view message);
    std::size_t decode_record(std::string_view bytes, std::size_t offset);
    void read_record(FieldReader& fields);
    RelationRecord read_relation_record(FieldReader& fields);
    void read_stream_record(FieldReader& fields);
    void read_prepared_record(FieldReader& fields);
    void enter_scope(std::uint32_t xid, const FieldReader& fields);
    void decode_fragment(FieldReader& fields);
    // A fragment is alone in its message, so the offset is right for a record made of them too.
    void hand_out(const Record& record) const { (*sink)(record, cursor.offset()); }

    void on_type(const Field& type) override;
    void on_first_field(std::uint64_t record_type, const Field& field,
                        std::uint64_t elements) override;
    void check_version(const Field& field) const;
    void begin_rows(std::uint64_t record_type, const Field& id, std::uint64_t elements);

    std::size_t message_bytes_max;
    bool needs_hello;
    RelationScopes scopes;
    FragmentBuffer fragments;
    RecordCursor cursor;
    RowRun rows;
    RecordVisitor visitor;
    const Sink* sink = nullptr;
    bool is_started = false;       // a record was read
    bool is_reassembling = false;  // the record being read is made of fragments
    bool is_usable = true;
    std::string_view record_bytes;  // of the one being read
    std::string hello;
    std::map<std::uint32_t, std::string> described;  // shared relations by id
    bool may_be_state = false;  // the message being read: a Hello and relations so far
    bool is_state = false;      // it is one, since a relation has a later version
};

void Decoder::State::decode(std::string_view message) {
    if (message.empty()) throw Error(ErrorKind::protocol, "message is empty");
    if (message.size() > message_bytes_max)
        throw Error(ErrorKind::protocol,
                    fmt::format("message is larger than {} bytes", message_bytes_max));
    may_be_state = needs_hello && !is_started;
    is_state = false;
    std::size_t offset = 0;
    do {
        offset = decode_record(message, offset);
    } while (offset < message.size());
}

// Returns the offset behind the record.
std::size_t Decoder::State::decode_record(std::string_view bytes, std::size_t offset) {
    const std::string_view rest = bytes.substr(offset);
    cursor.open(rest, offset, is_reassembling);
    visitor.open();
    std::size_t end = 0;
    // What is no MessagePack has thrown from the visitor.
    WALPACK_CHECK(msgpack::parse(rest.data(), rest.size(), end, visitor));
    const std::size_t next = offset + end;
    if (visitor.is_rows()) return next;

    FieldReader fields(visitor.fields(), visitor.elements(), cursor);
    record_bytes = rest.substr(0, end);
    if (visitor.record_type() == WALPACK_FRAGMENT) {
        if (next != bytes.size()) cursor.fail_at_byte("fragment is not alone", end);
        decode_fragment(fields);
    } else {
        read_record(fields);
    }
    return next;
}

void Decoder::State::read_record(FieldReader& fields) {
    switch (visitor.record_type()) {
        case WALPACK_HELLO:
            hello = record_bytes;
            return hand_out(read_hello(fields));
        case WALPACK_RELATION:
            return hand_out(read_relation_record(fields));
        case WALPACK_BEGIN:
            return hand_out(read_begin(fields));
        case WALPACK_COMMIT:
            return hand_out(read_commit(fields));
        case WALPACK_TRUNCATE:
            return hand_out(read_truncate(fields, scopes.current()));
        case WALPACK_MESSAGE:
            return hand_out(read_message(fields));
        case WALPACK_NOTICE:
            return hand_out(read_notice(fields));
        case WALPACK_ORIGIN:
            return hand_out(read_origin(fields));
        default:
            read_stream_record(fields);
    }
}

RelationRecord Decoder::State::read_relation_record(FieldReader& fields) {
    auto relation = scopes.current().describe(fields, may_be_state);
    is_state |= may_be_state && relation->version > 1 && !described.contains(relation->id);
    if (scopes.is_shared()) described.insert_or_assign(relation->id, std::string(record_bytes));
    return relation;
}

void Decoder::State::read_stream_record(FieldReader& fields) {
    switch (visitor.record_type()) {
        case WALPACK_STREAM_START: {
            const StreamStart start = read_stream_start(fields);
            enter_scope(start.xid, fields);
            return hand_out(start);
        }
        case WALPACK_STREAM_STOP:
            hand_out(read_stream_stop(fields));
            return scopes.leave();
        case WALPACK_SUBTRANSACTION:
            return hand_out(read_subtransaction(fields));
        case WALPACK_STREAM_ABORT: {
            const StreamAbort abort = read_stream_abort(fields);
            if (abort.is_whole_transaction()) scopes.end(abort.xid);
            return hand_out(abort);
        }
        case WALPACK_STREAM_COMMIT: {
            const StreamCommit commit = read_stream_commit(fields);
            scopes.end(commit.xid);
            return hand_out(commit);
        }
        default:
            read_prepared_record(fields);
    }
}

void Decoder::State::read_prepared_record(FieldReader& fields) {
    switch (visitor.record_type()) {
        case WALPACK_BEGIN_PREPARE: {
            const BeginPrepare begin = read_begin_prepare(fields);
            enter_scope(begin.xid, fields);
            return hand_out(begin);
        }
        case WALPACK_PREPARE:
            hand_out(read_prepare(fields));
            return scopes.leave_for_good();
        case WALPACK_STREAM_PREPARE: {
            const StreamPrepare prepare = read_stream_prepare(fields);
            scopes.end(prepare.xid);
            return hand_out(prepare);
        }
        case WALPACK_COMMIT_PREPARED:
            return hand_out(read_commit_prepared(fields));
        case WALPACK_ROLLBACK_PREPARED:
            return hand_out(read_rollback_prepared(fields));
        default:
            // A record of rows that ends before its relation.
            fields.expect_elements(3);
    }
}

void Decoder::State::enter_scope(std::uint32_t xid, const FieldReader& fields) {
    if (!scopes.enter(xid)) fields.fail("too many transactions are in progress");
}

void Decoder::State::decode_fragment(FieldReader& fields) {
    if (!fragments.add(read_fragment(fields), fields)) return;
    const std::string_view record = fragments.record();
    is_reassembling = true;
    const std::size_t end = decode_record(record, 0);
    if (end != record.size()) cursor.fail_at_byte("bytes follow the record", end);
    is_reassembling = false;
    fragments.clear();
}

void Decoder::State::on_type(const Field& type) {
    const auto number = static_cast<std::uint64_t>(type.integer);
    if (type.type != WireType::integer || number < WALPACK_HELLO || number > WALPACK_COMPRESSED)
        cursor.fail("record type is unknown");
    if (number == WALPACK_HELLO && is_started) cursor.fail("Hello stands inside of a session");
    if (number != WALPACK_HELLO && !is_started && needs_hello)
        cursor.fail("session does not start with Hello");
    if (number == WALPACK_COMPRESSED) cursor.fail("a compressed message stands inside of another");
    is_started = true;
    if (number != WALPACK_HELLO && number != WALPACK_RELATION) {
        may_be_state = false;
        if (is_state) cursor.fail("record stands in a session's state");
    }
    if (is_reassembling && !may_be_in_fragments(number))
        cursor.fail("record is of a type that is never in fragments");
    if (number == WALPACK_FRAGMENT && cursor.offset() != 0) cursor.fail("fragment is not alone");
    if (number != WALPACK_FRAGMENT && fragments.is_open())
        cursor.fail("record stands among fragments of another");
}

void Decoder::State::on_first_field(std::uint64_t record_type, const Field& field,
                                    std::uint64_t elements) {
    if (record_type == WALPACK_HELLO) check_version(field);
    if (is_row_record(record_type)) begin_rows(record_type, field, elements);
}

// Before anything else of the Hello, which may look different in another version.
void Decoder::State::check_version(const Field& field) const {
    if (field.type != WireType::integer || field.integer < 0)
        cursor.fail("protocol version is no number");
    if (field.integer == WALPACK_PROTOCOL_VERSION) return;
    const bool is_newer = field.integer > WALPACK_PROTOCOL_VERSION;
    throw Error(ErrorKind::protocol,
                fmt::format("the source's plugin speaks protocol version {}, this program {}",
                            field.integer, WALPACK_PROTOCOL_VERSION))
        .hint(is_newer ? "Upgrade this program." : "Upgrade the plugin at the source.");
}

void Decoder::State::begin_rows(std::uint64_t record_type, const Field& id,
                                std::uint64_t elements) {
    constexpr std::int64_t kIdMax = std::numeric_limits<std::uint32_t>::max();
    if (id.type != WireType::integer || id.integer < 0 || id.integer > kIdMax)
        cursor.fail("relation id is no number in range");
    const KnownRelation* relation = scopes.current().find(static_cast<std::uint32_t>(id.integer));
    if (relation == nullptr) cursor.fail(fmt::format("relation {} was not described", id.integer));
    rows.begin(record_type, *relation, elements - 2, *sink);
    visitor.begin_rows();
}

Decoder::Decoder(DecoderLimits limits, DecoderStart start)
    : state_(std::make_unique<State>(limits, start)) {}

Decoder::~Decoder() = default;

void Decoder::decode(std::string_view message, const Sink& sink) {
    WALPACK_CHECK(state_->is_usable);
    state_->is_usable = false;
    state_->sink = &sink;
    state_->decode(message);
    state_->is_usable = true;
}

std::string Decoder::session_state() const {
    std::string message = state_->hello;
    for (const auto& [id, record] : state_->described) message += record;
    return message;
}

bool Decoder::is_inside_fragments() const {
    return state_->fragments.is_open();
}

}  // namespace walpack
