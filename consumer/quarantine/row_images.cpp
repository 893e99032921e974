#include "quarantine/row_images.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/value_text.h"

namespace walpack {
namespace {

using Form = KeyImage::Form;

bool is_of_kind(const RowChange& change, ChangeKind one, ChangeKind other) {
    return change.kind == one || change.kind == other;
}

// varchar(n) cuts blanks at the end in silence, so values that differ in nothing else may be one.
void cut_blanks(std::string& text) {
    text.erase(text.find_last_not_of(' ') + 1);
}

}  // namespace

std::optional<std::size_t> RowImages::attribute_of(const std::string& column) const {
    const auto& attributes = change_.relation->attributes;
    const auto found = std::ranges::find(attributes, column, &Attribute::name);
    if (found == attributes.end()) return std::nullopt;
    return static_cast<std::size_t>(found - attributes.begin());
}

RowImages::Part RowImages::part_of(std::size_t attribute, const Value& value) const {
    if (value.is_null()) return {Form::null, ""};
    if (value.is_unchanged_toast()) return {Form::unchanged, ""};
    std::optional<std::string> text = to_text(change_.relation->attributes[attribute], value);
    if (!text) return {Form::unknown, ""};
    cut_blanks(*text);
    return {Form::value, std::move(*text)};
}

RowImages::Part RowImages::found(const std::string& column) const {
    const HeldValue* value = found_ == nullptr ? nullptr : find(*found_, column);
    if (value == nullptr) return {};
    if (value->form == HeldValue::Form::null) return {Form::null, ""};
    std::string text = value->bytes;
    cut_blanks(text);
    return {Form::value, std::move(text)};
}

RowImages::Part RowImages::part_before(const std::string& column) const {
    const auto attribute = attribute_of(column);
    if (!attribute) return found(column);
    if (is_of_kind(change_, ChangeKind::update_full, ChangeKind::delete_full))
        return part_of(*attribute, change_.old_tuple[*attribute]);
    const auto& keys = change_.relation->key_attributes;
    const auto key = std::ranges::find(keys, *attribute);
    if (key == keys.end()) return found(column);
    if (change_.kind == ChangeKind::update)
        return part_of(*attribute, change_.new_tuple[*attribute]);
    const auto position = static_cast<std::size_t>(key - keys.begin());
    if (position < change_.old_tuple.size())
        return part_of(*attribute, change_.old_tuple[position]);
    return {};
}

RowImages::Part RowImages::part_after(const std::string& column) const {
    const auto attribute = attribute_of(column);
    if (!attribute) return {};
    Part part = part_of(*attribute, change_.new_tuple[*attribute]);
    if (part.form != Form::unchanged) return part;
    Part before = part_before(column);
    return before.form == Form::unknown ? part : before;
}

template <typename PartOf>
KeyImage RowImages::image(const std::vector<std::string>& columns, bool has_nulls, PartOf part_of) {
    KeyImage image{Form::value, ""};
    bool has_null = false;
    for (const std::string& column : columns) {
        const Part part = part_of(column);
        if (part.form == Form::unknown) return {Form::unknown, ""};
        if (part.form == Form::unchanged) image.form = Form::unchanged;
        has_null = has_null || part.form == Form::null;
        image.value +=
            part.form == Form::null ? "N" : fmt::format("{}:{}", part.text.size(), part.text);
    }
    if (has_null && !has_nulls) return {Form::null, ""};
    if (image.form != Form::value) image.value.clear();
    return image;
}

KeyImage RowImages::before(const std::vector<std::string>& columns) const {
    if (change_.kind == ChangeKind::insert) return {};
    return image(columns, false, [this](const auto& column) { return part_before(column); });
}

KeyImage RowImages::after(const std::vector<std::string>& columns) const {
    if (change_.new_tuple.empty()) return {};
    return image(columns, false, [this](const auto& column) { return part_after(column); });
}

KeyImage RowImages::row_before(const std::vector<std::string>& columns) const {
    if (change_.kind == ChangeKind::insert) return {};
    return image(columns, true, [this](const auto& column) { return part_before(column); });
}

KeyImage RowImages::row_after(const std::vector<std::string>& columns) const {
    if (change_.new_tuple.empty()) return {};
    return image(columns, true, [this](const auto& column) { return part_after(column); });
}

}  // namespace walpack
