#include "decode/row_run.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "decode/compact_value.h"
#include "protocol/format.h"

namespace walpack {
namespace {

// A single large value must not hold its memory for good.
constexpr std::size_t kExpandedBytesKept = 1 << 20;

ChangeKind change_kind_of(std::uint64_t record_type) {
    switch (record_type) {
        case WALPACK_INSERT:
            return ChangeKind::insert;
        case WALPACK_UPDATE:
            return ChangeKind::update;
        case WALPACK_UPDATE_KEY:
            return ChangeKind::update_key;
        case WALPACK_UPDATE_FULL:
            return ChangeKind::update_full;
        case WALPACK_DELETE_KEY:
            return ChangeKind::delete_key;
        case WALPACK_DELETE_FULL:
            return ChangeKind::delete_full;
        default:
            WALPACK_CHECK(record_type == WALPACK_DELETE_NONE);
            return ChangeKind::delete_none;
    }
}

bool has_key(ChangeKind kind) {
    return kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
}

bool has_old(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

bool has_new(ChangeKind kind) {
    return kind <= ChangeKind::update_full;
}

}  // namespace

bool is_row_record(std::uint64_t record_type) {
    return record_type >= WALPACK_INSERT && record_type <= WALPACK_DELETE_NONE;
}

void RowRun::begin(std::uint64_t record_type, const KnownRelation& relation, std::uint64_t tuples,
                   const Decoder::Sink& sink) {
    const ChangeKind kind = change_kind_of(record_type);
    check_identity(kind, *relation.relation);
    begin_sides(kind, relation);
    if (tuples == 0 || tuples % sides_count_ != 0)
        cursor_.fail_at_value(fmt::format("record of rows has {} tuples", tuples), 0);

    sink_ = &sink;
    auto& change = std::get<RowChange>(record_);
    change.kind = kind;
    if (change.relation != relation.relation) change.relation = relation.relation;
    change.old_tuple = has_key(kind) || has_old(kind) ? tuple(sides_[0]) : Tuple();
    change.new_tuple = has_new(kind) ? tuple(sides_[sides_count_ - 1]) : Tuple();
    filled_ = 0;
    expanded_count_ = 0;
    side_ = 0;
}

void RowRun::expand(Value& value) {
    const Attribute& attribute = attribute_at(filled_ - 1);
    if (expanded_count_ == expanded_.size()) expanded_.emplace_back();
    std::string& expanded = expanded_[expanded_count_++];
    if (expanded.capacity() > kExpandedBytesKept) expanded = std::string();
    try {
        expand_compact(attribute, value.bytes, expanded);
    } catch (const Error& error) {
        cursor_.fail(fmt::format("value of column \"{}\": {}", attribute.name, error.message()));
    }
    value.bytes = expanded;
}

const Attribute& RowRun::attribute_at(std::size_t filled) const {
    const Side& side = sides_[side_];
    const Relation& relation = *std::get<RowChange>(record_).relation;
    const std::size_t place = filled - side.first;
    return relation.attributes[side.is_key ? relation.key_attributes[place] : place];
}

void RowRun::check_identity(ChangeKind kind, const Relation& relation) const {
    const bool is_full = relation.replica_identity == ReplicaIdentity::full;
    if (has_old(kind) && !is_full) cursor_.fail("relation's replica identity is not full");
    if (has_key(kind) && (is_full || relation.key_attributes.empty()))
        cursor_.fail("relation has no key");
}

void RowRun::begin_sides(ChangeKind kind, const KnownRelation& relation) {
    static const std::vector<WireTypes> kNoValues;
    sides_count_ = 0;
    std::size_t values = 0;
    const auto add_side = [this, &values](const std::vector<WireTypes>& types, bool is_key) {
        sides_[sides_count_++] = {types.data(), types.size(), values, is_key};
        values += types.size();
    };
    if (has_key(kind)) add_side(relation.key_tuple, true);
    if (has_old(kind)) add_side(relation.old_tuple, false);
    if (has_new(kind)) add_side(relation.new_tuple, false);
    if (sides_count_ == 0) add_side(kNoValues, false);
    if (values_.size() < values) values_.resize(values);
}

void RowRun::end_row() {
    (*sink_)(record_, cursor_.offset());
    filled_ = 0;
    expanded_count_ = 0;
    side_ = 0;
}

void RowRun::extension(std::string_view type_and_data) {
    constexpr std::string_view kMarker("\x01\x00", 2);
    static_assert(WALPACK_EXT_UNCHANGED_TOAST == 1);
    if (type_and_data != kMarker) cursor_.fail("extension is unknown");
    add(WireType::ext).form = Value::Form::unchanged_toast;
}

void RowRun::fail_no_tuple(WireType type) const {
    cursor_.fail(fmt::format("row is {} instead of an array", name_of(type)));
}

void RowRun::fail_count(std::uint64_t values) const {
    cursor_.fail(fmt::format("tuple has {} values instead of {}", values, sides_[side_].count));
}

void RowRun::fail_value(WireType type) const {
    const Attribute& attribute = attribute_at(filled_);
    if (type == WireType::ext)
        cursor_.fail(fmt::format("old value of column \"{}\" is unchanged TOAST", attribute.name));
    cursor_.fail(fmt::format("value of column \"{}\" of kind {} is {}", attribute.name,
                             to_string(attribute.kind), name_of(type)));
}

}  // namespace walpack
