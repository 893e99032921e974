// One value as it stood on the wire; only what its form uses means anything. It owns nothing: bytes
// point into the decoder's message and live as long as the call that hands the value over.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace walpack {

struct Value {
    enum class Form : std::uint8_t {
        null,
        unchanged_toast,  // stored out of line and not changed: not sent, not NULL
        boolean,
        integer,           // a MessagePack integer that fits int64
        unsigned_integer,  // one above int64's maximum
        real,              // float 32 widened exactly, or float 64
        bytes,             // str or bin
    };

    Form form = Form::null;
    union {
        bool boolean;
        std::int64_t integer = 0;
        std::uint64_t unsigned_integer;
        double real;
    };
    std::string_view bytes;

    bool is_null() const { return form == Form::null; }
    bool is_unchanged_toast() const { return form == Form::unchanged_toast; }
};

// A row on the wire: one value per attribute of its relation, or per key attribute for a key tuple.
using Tuple = std::span<const Value>;

}  // namespace walpack
