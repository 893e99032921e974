/*
 * Reads the fields of walpack records: MsgpackReader, plus the types that docs/protocol.md asks
 * for.
 *
 * Every function names the field in the error that it reports when the bytes are something else;
 * the error is INVALID_BINARY_REPRESENTATION and carries the byte offset in the message. Text comes
 * back in the encoding of this database, allocated in the current memory context.
 */
#ifndef WALPACK_PLUGIN_SQL_RECORD_READER_H
#define WALPACK_PLUGIN_SQL_RECORD_READER_H

#include "sql_msgpack_reader.h"
#include "sql_server.h"

namespace walpack::sql {

// Reports that the message is not what the format allows. `what` is a phrase, lower case.
[[noreturn]] void report_invalid(size_t offset, const char* what);

class RecordReader {
  public:
    // text_encoding: how `bin` text is encoded; `str` is always UTF8.
    RecordReader(Bytes message, int text_encoding)
        : reader_(message), text_encoding_(text_encoding) {}

    [[nodiscard]] bool at_end() const { return reader_.at_end(); }
    [[nodiscard]] size_t position() const { return reader_.position(); }
    [[nodiscard]] int text_encoding() const { return text_encoding_; }
    void set_text_encoding(int encoding) { text_encoding_ = encoding; }

    Item take();
    uint32_t take_array(const char* field);
    uint32_t take_map(const char* field);
    // An array of exactly `count` elements.
    void take_array_of(uint32_t count, const char* field);
    uint64_t take_unsigned(const char* field, uint64_t max = UINT64_MAX);
    int32_t take_int32(const char* field);
    char* take_text(const char* field);
    Bytes take_bin(const char* field);

    // The text of an item already taken.
    char* text_of(const Item& item, const char* field) const;

  private:
    MsgpackReader reader_;
    int text_encoding_;
};

static_assert(std::is_trivially_destructible_v<RecordReader>);

// Names what was found, for an error: "a map".
const char* item_type_name(ItemType type);

// Reports that `field` is not what the format says it is.
[[noreturn]] void report_unexpected(const Item& item, const char* field, const char* expected);

// Bytes in `encoding` as text of this database, or NULL when they are not valid in it, hold a zero
// byte, or cannot be converted because the encoding is unknown (negative).
char* text_or_null(Bytes bytes, int encoding);

// The integer that an item holds; false when it is none, or outside of min and max.
bool integer_of(const Item& item, int64_t min, int64_t max, int64_t* value);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_RECORD_READER_H
