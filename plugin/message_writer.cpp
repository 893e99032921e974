#include "message_writer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walpack::plugin {
namespace {

/* What begins or ends a transaction; a gid has at most GIDSIZE bytes. */
constexpr size_t kHeadOrEndBytes = 64 + GIDSIZE;
constexpr size_t kWiderHeadBytes = 2;
constexpr size_t kShortArrayMax = 15;
constexpr size_t kRunElementsMax = 65535;
/* Record type and relation id stand before the rows. */
constexpr uint32_t kRunHeadElements = 2;
constexpr size_t kFragmentHeadBytes = 8;

size_t pack_fragment_head(char* out, uint32_t flags, size_t count) {
    PackBuffer head;
    head.open(nullptr, nullptr, true);
    head.give_block(out, kFragmentHeadBytes, 0);
    head.array(3);
    head.unsigned_integer(WALPACK_FRAGMENT);
    head.unsigned_integer(flags);
    msgpack_c::msgpack_pack_bin(head, count);
    return head.size();
}

}  // namespace

void MessageWriter::open(LogicalDecodingContext* ctx, HelloBytes hello, uint32_t frame_bytes,
                         bool text_is_utf8, CompressionMethod compression) {
    *this = MessageWriter();
    ctx_ = ctx;
    hello_ = hello;
    frame_bytes_ = frame_bytes;

    const size_t capacity = 2 * frame_bytes_ + hello.count + kHeadOrEndBytes;
    buffer_.open(spill, this, text_is_utf8);
    compressor_.open(compression, capacity + kFragmentHeadBytes);
    buffer_.give_block(static_cast<char*>(palloc(capacity + kWiderHeadBytes)), capacity, 0);
}

void MessageWriter::enter() {
    if (is_cut_) {
        buffer_.keep(0);
        is_cut_ = false;
        write_fragment(WALPACK_FRAGMENT_ABANDONED, 0, false);
    }
    buffer_.keep(committed_);
}

void MessageWriter::open_transaction(const TransactionHead& head) {
    buffer_.keep(0);
    committed_ = 0;
    run_ = RunKey();
    head_ = head;
    tally_ = head.tally;
    subtransaction_ = head.xid;
    origin_ = kNoOrigin;
    is_open_ = true;
    is_begun_ = false;
}

void MessageWriter::ensure_hello() {
    if (is_hello_packed_) return;
    buffer_.append(hello_.bytes, hello_.count);
    committed_ = buffer_.size();
    is_hello_packed_ = true;
}

void MessageWriter::ensure_begun() {
    if (is_begun_) return;
    Assert(committed_ == 0);
    ensure_hello();
    pack_transaction_head();
    committed_ = buffer_.size();
    is_begun_ = true;
}

void MessageWriter::pack_transaction_head() {
    const bool is_block = head_.record_type == WALPACK_STREAM_START;
    const bool has_gid = head_.record_type == WALPACK_BEGIN_PREPARE;
    buffer_.array(is_block ? 2 : has_gid ? 5 : 4);
    buffer_.unsigned_integer(head_.record_type);
    buffer_.unsigned_integer(head_.xid);
    if (is_block) return;
    buffer_.unsigned_integer(head_.lsn);
    buffer_.integer(head_.time);
    if (has_gid) buffer_.text(head_.gid);
}

void MessageWriter::write_end(uint32_t record_type, XLogRecPtr end_lsn) {
    if (buffer_.room() < kHeadOrEndBytes) write_committed(false);

    /* The digest covers what stands before this record, if only no bytes at all. */
    tally_.digest = XXH3_64bits_withSeed(buffer_.block(), committed_, tally_.digest);
    is_open_ = false;
    buffer_.array(5);
    buffer_.unsigned_integer(record_type);
    buffer_.unsigned_integer(head_.lsn);
    buffer_.unsigned_integer(end_lsn - head_.lsn);
    buffer_.unsigned_integer(tally_.changes);
    buffer_.unsigned_integer(static_cast<uint32_t>(tally_.digest));
    committed_ = buffer_.size();
    write_committed(true);
    is_begun_ = false;
}

void MessageWriter::close_block() {
    if (is_begun_) {
        if (buffer_.room() < kHeadOrEndBytes) write_committed(false);
        buffer_.array(1);
        buffer_.unsigned_integer(WALPACK_STREAM_STOP);
        committed_ = buffer_.size();
        write_committed(false);
    }
    is_open_ = false;
    is_begun_ = false;
}

void MessageWriter::write_subtransaction(TransactionId xid) {
    PackBuffer& out = begin_record();
    out.array(2);
    out.unsigned_integer(WALPACK_SUBTRANSACTION);
    out.unsigned_integer(xid);
    end_record();
    subtransaction_ = xid;
}

void MessageWriter::write_origin(OriginId origin, const char* name) {
    PackBuffer& out = begin_record();
    out.array(2);
    out.unsigned_integer(WALPACK_ORIGIN);
    out.text(name);
    end_record();
    origin_ = origin;
}

PackBuffer& MessageWriter::begin_record() {
    ensure_begun();
    row_ = RunKey();
    return buffer_;
}

void MessageWriter::end_record() {
    finish_record(false);
}

void MessageWriter::end_change() {
    finish_record(false);
    ++tally_.changes;
    write_if_full();
}

PackBuffer& MessageWriter::begin_standalone() {
    Assert(!is_open_ && committed_ == 0);
    ensure_hello();
    row_ = RunKey();
    return buffer_;
}

void MessageWriter::end_standalone() {
    const bool was_cut = is_cut_;
    finish_record(true);
    if (!was_cut) write_committed(true);
}

PackBuffer& MessageWriter::begin_row(const RunKey& key) {
    ensure_begun();
    row_ = key;
    row_continues_ = run_.record_type == key.record_type && run_.relation_id == key.relation_id &&
                     run_elements_ + key.tuples_per_row <= kRunElementsMax;
    if (!row_continues_) pack_run_head(key);
    return buffer_;
}

/* As the head of a run of one row, so that it is right if that row has to be cut. */
void MessageWriter::pack_run_head(const RunKey& key) {
    buffer_.array(kRunHeadElements + key.tuples_per_row);
    buffer_.unsigned_integer(key.record_type);
    buffer_.unsigned_integer(key.relation_id);
}

void MessageWriter::end_row() {
    const RunKey key = row_;
    if (is_cut_) {
        finish_record(false);
    } else if (row_continues_) {
        extend_run();
    } else {
        run_ = key;
        run_offset_ = committed_;
        run_elements_ = kRunHeadElements + key.tuples_per_row;
        committed_ = buffer_.size();
    }
    ++tally_.changes;
    write_if_full();
}

/* Counts the packed row into the head of its run, which grows by two bytes once it has to. */
void MessageWriter::extend_run() {
    char* head = buffer_.block() + run_offset_;
    const uint32_t before = run_elements_;
    run_elements_ += row_.tuples_per_row;

    if (run_elements_ <= kShortArrayMax) {
        *head = static_cast<char>(0x90 | run_elements_);
    } else {
        if (before <= kShortArrayMax) {
            const size_t rest = buffer_.size() - run_offset_ - 1;
            memmove(head + 1 + kWiderHeadBytes, head + 1, rest);
            buffer_.keep(buffer_.size() + kWiderHeadBytes);
        }
        head[0] = static_cast<char>(0xdc);
        head[1] = static_cast<char>(run_elements_ >> 8);
        head[2] = static_cast<char>(run_elements_);
    }
    committed_ = buffer_.size();
}

/* Ends a record that is no part of a run; of a cut one, sends what is left. */
void MessageWriter::finish_record(bool is_last_write) {
    run_ = RunKey();
    if (!is_cut_) {
        committed_ = buffer_.size();
        return;
    }
    while (buffer_.size() > frame_bytes_) write_fragment(0, frame_bytes_, false);
    is_cut_ = false;
    write_fragment(WALPACK_FRAGMENT_LAST, buffer_.size(), is_last_write);
}

void MessageWriter::write_if_full() {
    if (committed_ >= frame_bytes_) write_committed(false);
}

void MessageWriter::spill(PackBuffer&, void* writer) {
    static_cast<MessageWriter*>(writer)->make_room();
}

void MessageWriter::make_room() {
    if (committed_ > 0) {
        isolate_torn_record();
        return;
    }
    /* Some bytes stay, so that the last piece is never empty. */
    uint32_t flags = is_cut_ ? 0 : WALPACK_FRAGMENT_FIRST;
    is_cut_ = true;
    while (buffer_.size() > frame_bytes_) {
        write_fragment(flags, frame_bytes_, false);
        flags = 0;
    }
}

/*
 * Writes the committed part and leaves the record being packed at the front. A row that was to
 * continue a run gets a head of its own; the written part had such a head and at least one byte
 * more, so it fits.
 */
void MessageWriter::isolate_torn_record() {
    const size_t torn = buffer_.size() - committed_;
    const char* torn_bytes = buffer_.block() + committed_;
    const size_t written = committed_;

    write_committed(false);
    if (row_.record_type != 0 && row_continues_) {
        row_continues_ = false;
        /* Packed over the written part, of which nothing is needed any more. */
        pack_run_head(row_);
        Assert(buffer_.size() < written);
    }
    memmove(buffer_.block() + buffer_.size(), torn_bytes, torn);
    buffer_.keep(buffer_.size() + torn);
    Assert(buffer_.size() < written + torn);
    (void)written;
}

/* The torn record behind the committed part, if any, is left in the block. */
void MessageWriter::write_committed(bool is_last_write) {
    if (committed_ == 0) return;
    OutputPluginPrepareWrite(ctx_, is_last_write);
    const int start = ctx_->out->len;
    appendBinaryStringInfo(ctx_->out, buffer_.block(), static_cast<int>(committed_));
    buffer_.keep(0);
    committed_ = 0;
    run_ = RunKey();
    write_prepared(start, is_last_write);
}

/* Sends the first bytes of the block as one piece. */
void MessageWriter::write_fragment(uint32_t flags, size_t count, bool is_last_write) {
    char head[kFragmentHeadBytes];
    const size_t head_bytes = pack_fragment_head(head, flags, count);
    OutputPluginPrepareWrite(ctx_, is_last_write);
    const int start = ctx_->out->len;
    appendBinaryStringInfo(ctx_->out, head, static_cast<int>(head_bytes));
    appendBinaryStringInfo(ctx_->out, buffer_.block(), static_cast<int>(count));
    drop_front(count);
    write_prepared(start, is_last_write);
}

void MessageWriter::write_prepared(int start, bool is_last_write) {
    if (is_open_)
        tally_.digest = XXH3_64bits_withSeed(
            ctx_->out->data + start, static_cast<size_t>(ctx_->out->len - start), tally_.digest);
    if (compressor_.is_enabled()) compress_prepared(start);
    OutputPluginWrite(ctx_, is_last_write);
}

/* Puts a Compressed record in place of the message, if that is shorter. */
void MessageWriter::compress_prepared(int start) {
    StringInfo message = ctx_->out;
    const auto count = static_cast<size_t>(message->len - start);
    const std::span<const char> record = compressor_.compress(message->data + start, count);
    if (record.empty()) return;
    memcpy(message->data + start, record.data(), record.size());
    message->len = start + static_cast<int>(record.size());
    message->data[message->len] = '\0';
}

void MessageWriter::drop_front(size_t count) {
    const size_t rest = buffer_.size() - count;
    memmove(buffer_.block(), buffer_.block() + count, rest);
    buffer_.keep(rest);
}

}  // namespace walpack::plugin
