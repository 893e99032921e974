#include "apply/late_refusals.h"

#include <bit>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walpack {
namespace {

void append(std::string& out, std::uint64_t number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append(std::string& out, std::string_view bytes) {
    append(out, bytes.size());
    out.append(bytes);
}

std::uint64_t number_of(const Value& value) {
    switch (value.form) {
        case Value::Form::boolean:
            return value.boolean ? 1 : 0;
        case Value::Form::real:
            return std::bit_cast<std::uint64_t>(value.real);
        case Value::Form::integer:
        case Value::Form::unsigned_integer:
            return value.unsigned_integer;
        default:
            return 0;
    }
}

void append(std::string& out, Tuple tuple) {
    append(out, tuple.size());
    for (const Value& value : tuple) {
        append(out, static_cast<std::uint64_t>(value.form));
        append(out, number_of(value));
        append(out, value.form == Value::Form::bytes ? value.bytes : std::string_view());
    }
}

}  // namespace

std::size_t fingerprint_of(const RowChange& change) {
    std::string bytes;
    append(bytes, std::string_view(change.relation->qualified_name()));
    append(bytes, static_cast<std::uint64_t>(change.kind));
    append(bytes, change.old_tuple);
    append(bytes, change.new_tuple);
    return XXH3_64bits(bytes.data(), bytes.size());
}

bool LateRefusals::add(Lsn commit_lsn, const Rows& rows) {
    if (commit_lsn != commit_lsn_ || is_doubted_) rows_.clear();
    commit_lsn_ = commit_lsn;
    is_doubted_ = false;
    bool is_new = false;
    for (const auto& [number, refusal] : rows) {
        LateRefusal& known = rows_[number];
        is_new = is_new || known.fingerprint != refusal.fingerprint;
        known = refusal;
    }
    return is_new;
}

const LateRefusal* LateRefusals::find(const RowOrigin& origin, const RowChange& change) const {
    if (origin.commit_lsn != commit_lsn_ || is_doubted_) return nullptr;
    const auto row = rows_.find(origin.number);
    if (row == rows_.end() || row->second.fingerprint != fingerprint_of(change)) return nullptr;
    return &row->second;
}

std::set<std::uint64_t> LateRefusals::guess(Lsn commit_lsn) const {
    std::set<std::uint64_t> numbers;
    if (commit_lsn != commit_lsn_) return numbers;
    for (const auto& row : rows_) numbers.insert(row.first);
    return numbers;
}

}  // namespace walpack
