#include "model/kept_change.h"

#include <algorithm>
#include <span>

namespace walpack {

KeptChange::KeptChange(const RowChange& change, Lsn commit_lsn)
    : kind_(change.kind),
      relation_(change.relation),
      commit_lsn_(commit_lsn),
      old_count_(change.old_tuple.size()) {
    values_.reserve(change.old_tuple.size() + change.new_tuple.size());
    values_.insert(values_.end(), change.old_tuple.begin(), change.old_tuple.end());
    values_.insert(values_.end(), change.new_tuple.begin(), change.new_tuple.end());
    for (Value& value : values_) {
        if (value.form != Value::Form::bytes) value.bytes = {};
        byte_count_ += value.bytes.size();
    }
    bytes_ = std::make_unique_for_overwrite<char[]>(byte_count_);
    char* next = bytes_.get();
    for (Value& value : values_) {
        char* const start = next;
        next = std::copy(value.bytes.begin(), value.bytes.end(), next);
        value.bytes = {start, value.bytes.size()};
    }
}

RowChange KeptChange::change() const {
    const std::span<const Value> values(values_);
    return {kind_, relation_, values.first(old_count_), values.subspan(old_count_)};
}

std::size_t KeptChange::bytes() const {
    return sizeof *this + byte_count_ + values_.size() * sizeof(Value);
}

}  // namespace walpack
