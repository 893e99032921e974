#include "base/check.h"
#include "pg/connection.h"

namespace walpack {

void Parameters::clear() {
    bytes_.clear();
    bytes_elsewhere_ = 0;
    entries_.clear();
}

void Parameters::add_null() {
    entries_.push_back({});
}

void Parameters::add_text(std::string_view text) {
    entries_.push_back({bytes_.size(), static_cast<int>(text.size()), 0});
    bytes_.append(text);
    bytes_.push_back('\0');  // libpq takes a text parameter's length from its terminator
}

void Parameters::add_binary(std::string_view bytes) {
    begin_binary().append(bytes);
    finish_binary();
}

void Parameters::add_binary_view(std::string_view bytes) {
    entries_.push_back({0, static_cast<int>(bytes.size()), 1, bytes.data()});
    bytes_elsewhere_ += bytes.size();
}

std::string& Parameters::begin_binary() {
    entries_.push_back({bytes_.size(), -1, 1});
    return bytes_;
}

void Parameters::finish_binary() {
    WALPACK_CHECK(!entries_.empty());
    entries_.back().length = static_cast<int>(bytes_.size() - entries_.back().offset);
}

void Parameters::point_at_values() {
    values_.clear();
    lengths_.clear();
    formats_.clear();
    for (const Entry& entry : entries_) {
        const char* ours = entry.length < 0 ? nullptr : bytes_.data() + entry.offset;
        values_.push_back(entry.elsewhere != nullptr ? entry.elsewhere : ours);
        lengths_.push_back(entry.length < 0 ? 0 : entry.length);
        formats_.push_back(entry.format);
    }
}

}  // namespace walpack
