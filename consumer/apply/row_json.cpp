#include "apply/row_json.h"

#include <algorithm>

#include "base/text.h"
#include "model/value_text.h"

namespace walpack {
namespace {

std::string hex_json(std::string_view bytes) {
    return "{\"hex\":\"" + to_hex(bytes) + "\"}";
}

std::string value_json(const Attribute& attribute, const Value& value, JsonText form) {
    if (value.is_null()) return "null";
    if (value.is_unchanged_toast()) return "{\"unchanged\":true}";
    const std::optional<std::string> text = to_text(attribute, value);
    if (!text) return hex_json(value.bytes);
    if (form == JsonText::hex_beyond_ascii && !is_ascii(*text)) return hex_json(*text);
    return quote_json(*text);
}

class Object {
  public:
    void add(std::string_view name, const std::string& value) {
        text_ += (text_.size() > 1 ? "," : "") + quote_json(name) + ':' + value;
    }
    std::string finish() { return std::move(text_) + '}'; }

  private:
    std::string text_ = "{";
};

}  // namespace

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string row_json(const RowChange& change, JsonText form) {
    const Relation& relation = *change.relation;
    Object object;
    if (change.kind == ChangeKind::delete_key) {
        for (std::size_t i = 0; i < change.old_tuple.size(); ++i) {
            const Attribute& attribute = relation.attributes[relation.key_attributes[i]];
            object.add(attribute.name, value_json(attribute, change.old_tuple[i], form));
        }
        return object.finish();
    }
    const Tuple tuple =
        change.kind == ChangeKind::delete_full ? change.old_tuple : change.new_tuple;
    for (std::size_t i = 0; i < tuple.size(); ++i)
        object.add(relation.attributes[i].name, value_json(relation.attributes[i], tuple[i], form));
    return object.finish();
}

std::optional<std::string> key_json(const std::vector<TupleField>& identity,
                                    const RowChange& change, JsonText form) {
    if (identity.empty()) return std::nullopt;
    Object object;
    for (const TupleField& field : identity) {
        object.add(field.column->column->name,
                   value_json(field.column->sent_as, value_at(change, field), form));
    }
    return object.finish();
}

std::string result_row_json(const Result& result, int row, int first,
                            const std::vector<std::string>& names) {
    Object object;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const int column = first + static_cast<int>(i);
        object.add(names[i],
                   result.is_null(row, column) ? "null" : quote_json(result.value(row, column)));
    }
    return object.finish();
}

}  // namespace walpack
