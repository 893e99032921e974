#include "apply/late_refusals.h"

#include <functional>
#include <string_view>

namespace walpack {
namespace {

void mix(std::size_t& hash, std::size_t value) {
    hash = (hash ^ value) * 1099511628211U;
}

void mix(std::size_t& hash, Tuple tuple) {
    for (const Value& value : tuple) {
        mix(hash, static_cast<std::size_t>(value.form));
        switch (value.form) {
            case Value::Form::boolean:
                mix(hash, std::size_t{value.boolean});
                break;
            case Value::Form::integer:
            case Value::Form::unsigned_integer:
                mix(hash, static_cast<std::size_t>(value.unsigned_integer));
                break;
            case Value::Form::real:
                mix(hash, std::hash<double>{}(value.real));
                break;
            default:
                mix(hash, std::hash<std::string_view>{}(value.bytes));
        }
    }
}

}  // namespace

std::size_t fingerprint_of(const RowChange& change) {
    std::size_t hash = std::hash<std::string>{}(change.relation->qualified_name());
    mix(hash, static_cast<std::size_t>(change.kind));
    mix(hash, change.old_tuple);
    mix(hash, change.new_tuple);
    return hash;
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
