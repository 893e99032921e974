// Members of a JSON object from values that may not be known.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/json_writer.h"
#include "model/lsn.h"

namespace walpack {

// Of the object that is open; what is not known is null.
class JsonMembers {
  public:
    explicit JsonMembers(JsonWriter& json) : json_(json) {}

    void text(std::string_view key, const std::string& value) {
        json_.key(key);
        value.empty() ? json_.null() : json_.text(value);
    }
    void lsn(std::string_view key, Lsn value) {
        text(key, value.is_valid() ? value.to_string() : "");
    }
    template <typename Integer>
    void integer(std::string_view key, const std::optional<Integer>& value) {
        json_.key(key);
        value ? json_.number(std::to_string(*value)) : json_.null();
    }
    void figure(std::string_view key, const std::optional<double>& value) {
        json_.key(key);
        value ? json_.number(fmt::format("{:.3f}", *value)) : json_.null();
    }

    void seconds(std::string_view key, const std::optional<double>& value) { figure(key, value); }

  private:
    JsonWriter& json_;
};

}  // namespace walpack
