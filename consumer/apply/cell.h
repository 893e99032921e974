// Values as they will be sent, in few bytes: what the applier keeps of a change until it is sent.
//
//   cell = length (int32, network order), bytes
//   length -1: NULL; -2: unchanged TOAST, which only rows of updates have
//
// Apart from unchanged TOAST it is how an element stands in the binary form of an array, so cells
// of one column make an array parameter by being put one behind the other. The bytes are the binary
// or the text form of the target column's type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/value.h"
#include "schema/target_table.h"

namespace walpack {

enum class CellForm : std::uint8_t { binary, binary_array, text };

// The form that a parameter of the column's own type has.
CellForm form_of(Binding binding);

struct Cell {
    static constexpr std::int32_t kNull = -1;
    static constexpr std::int32_t kUnchanged = -2;
    static constexpr std::size_t kHeadBytes = 4;

    std::string_view whole;  // with its length
    std::int32_t length = kNull;

    bool is_null() const { return length == kNull; }
    bool is_unchanged() const { return length == kUnchanged; }
    std::string_view bytes() const { return whole.substr(kHeadBytes); }
};

// Walks over cells that stand one behind the other. They are ours: a bad one breaks an invariant.
class CellReader {
  public:
    explicit CellReader(std::string_view cells) : rest_(cells) {}
    bool is_at_end() const { return rest_.empty(); }
    Cell next();

  private:
    std::string_view rest_;
};

class CellEncoder {
  public:
    // server_version: the target's, as libpq gives it.
    explicit CellEncoder(int server_version) : server_version_(server_version) {}

    // Appends one cell. Throws Error(protocol) when the value does not have the form that its kind
    // promises, Error(value) when the target's version has no such value; `out` then ends in a
    // part of a cell.
    void append(const ColumnMapping& column, CellForm form, const Value& value,
                std::string& out) const;

  private:
    void append_bytes(const ColumnMapping& column, CellForm form, const Value& value,
                      std::string& out) const;

    int server_version_;
};

}  // namespace walpack
