// Writes JSON onto the end of a string. Commas are its business, balance is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walpack {

class JsonWriter {
  public:
    // The string must outlive the writer. It may be emptied in between.
    explicit JsonWriter(std::string& out) : out_(out) {}

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    void key(std::string_view name);

    void null() { literal("null"); }
    void boolean(bool value) { literal(value ? "true" : "false"); }
    void integer(std::int64_t value) { literal(std::to_string(value)); }
    void unsigned_integer(std::uint64_t value) { literal(std::to_string(value)); }
    // Text that is a number in JSON too.
    void number(std::string_view text) { literal(text); }
    // What is not UTF-8 is written as hex().
    void text(std::string_view value);
    // The string \x00ff...
    void hex(std::string_view bytes);

    // Ends a line of JSON lines.
    void newline();

  private:
    void separate();
    void open(char bracket);
    void close(char bracket);
    void literal(std::string_view text);
    void quoted(std::string_view text);

    std::string& out_;
    bool needs_comma_ = false;
};

}  // namespace walpack
