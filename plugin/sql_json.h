/*
 * Writes JSON text piece by piece into a StringInfo, minding commas and escapes.
 *
 * The text becomes jsonb with jsonb_in, which checks it once more; building it as text keeps to
 * server interfaces that are the same in every version. Strings are in the encoding of this
 * database and hold no zero byte.
 */
#ifndef WALPACK_PLUGIN_SQL_JSON_H
#define WALPACK_PLUGIN_SQL_JSON_H

#include "sql_msgpack_reader.h"
#include "sql_server.h"

namespace walpack::sql {

class JsonWriter {
  public:
    explicit JsonWriter(StringInfo out) : out_(out) {}

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }

    void key(const char* name);
    void null();
    void boolean(bool value);
    void integer(int64_t value);
    void unsigned_integer(uint64_t value);
    void text(const char* value);
    void lsn(uint64_t value);

    // A number as PostgreSQL writes it. What JSON has no number for becomes a string: NaN, the
    // infinities, and -0, whose sign jsonb would lose.
    void number(const char* value);
    void float32(float value);
    void float64(double value);

    // The string "\x…", as bytea is written.
    void hex(Bytes bytes);

  private:
    void separate();
    void open(char bracket);
    void close(char bracket);

    StringInfo out_;
    bool needs_comma_ = false;
};

static_assert(std::is_trivially_destructible_v<JsonWriter>);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_JSON_H
