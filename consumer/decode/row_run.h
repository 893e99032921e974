// The rows of a run: collects the values of a row, hands it out when its last tuple is complete.
//
// This is the path that every value takes, so what it calls per value stands here in line: a look
// at the set of types that the attribute may have, and a store into memory that was reserved when
// the run began.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decoder.h"
#include "decode/field.h"
#include "decode/record_cursor.h"
#include "decode/relation_map.h"
#include "model/record.h"
#include "model/value.h"

namespace walpack {

bool is_row_record(std::uint64_t record_type);

class RowRun {
  public:
    explicit RowRun(const RecordCursor& cursor) : cursor_(cursor) {}

    // `tuples` is what the record's array leaves for them; relation and sink outlive the run.
    void begin(std::uint64_t record_type, const KnownRelation& relation, std::uint64_t tuples,
               const Decoder::Sink& sink);

    void begin_tuple(std::uint64_t values) {
        const Side& side = sides_[side_];
        if (values != side.count) fail_count(values);
        types_ = side.types;
    }

    void null() { add(WireType::nil).form = Value::Form::null; }

    void boolean(bool boolean) {
        Value& value = add(WireType::boolean);
        value.form = Value::Form::boolean;
        value.boolean = boolean;
    }

    void integer(std::int64_t integer) {
        Value& value = add(WireType::integer);
        value.form = Value::Form::integer;
        value.integer = integer;
    }

    // Above int64's maximum.
    void unsigned_integer(std::uint64_t integer) {
        Value& value = add(WireType::unsigned_integer);
        value.form = Value::Form::unsigned_integer;
        value.unsigned_integer = integer;
    }

    // `type` is float32 or float64.
    void real(WireType type, double real) {
        Value& value = add(type);
        value.form = Value::Form::real;
        value.real = real;
    }

    // `type` is str or bin.
    void bytes(WireType type, std::string_view bytes) {
        Value& value = add(type);
        value.form = Value::Form::bytes;
        value.bytes = bytes;
        if ((types_[-1] & kCompactForm) != 0) expand(value);
    }

    void extension(std::string_view type_and_data);

    void end_tuple() {
        if (++side_ == sides_count_) end_row();
    }

    // A value where a tuple has to stand.
    [[noreturn]] void fail_no_tuple(WireType type) const;
    // A value that no attribute can have.
    [[noreturn]] void fail_value(WireType type) const;

  private:
    // What one of the tuples of a row may hold, one entry per value.
    struct Side {
        const WireTypes* types = nullptr;
        std::size_t count = 0;
        std::size_t first = 0;  // of its values in values_
        bool is_key = false;
    };

    Value& add(WireType type) {
        if ((*types_ & bit_of(type)) == 0) [[unlikely]]
            fail_value(type);
        ++types_;
        return values_[filled_++];
    }

    void begin_sides(ChangeKind kind, const KnownRelation& relation);
    void check_identity(ChangeKind kind, const Relation& relation) const;
    Tuple tuple(const Side& side) const { return {values_.data() + side.first, side.count}; }
    void end_row();
    void expand(Value& value);
    const Attribute& attribute_at(std::size_t filled) const;
    [[noreturn]] void fail_count(std::uint64_t values) const;

    const RecordCursor& cursor_;
    const Decoder::Sink* sink_ = nullptr;
    Record record_ = RowChange();

    std::vector<Value> values_;  // of one row, all of its tuples; only grows
    std::size_t filled_ = 0;
    std::deque<std::string> expanded_;  // what values_ point to, where it is not the message
    std::size_t expanded_count_ = 0;
    std::array<Side, 2> sides_;
    std::size_t sides_count_ = 0;
    std::size_t side_ = 0;
    const WireTypes* types_ = nullptr;  // of the value that comes next
};

}  // namespace walpack
