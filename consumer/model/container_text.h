// Arrays, ranges and multiranges: send form -> the text that array_out, range_out and
// multirange_out write.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace walpack {

// The text of one element or bound in send form; nullopt when it has none, and then the container
// has none either.
using ElementText = std::function<std::optional<std::string>(std::string_view send_form)>;

// Each throws Error(protocol) when the bytes are no such container.
std::optional<std::string> array_text(std::string_view send_form, const ElementText& element_text);
std::optional<std::string> range_text(std::string_view send_form, const ElementText& bound_text);
std::optional<std::string> multirange_text(std::string_view send_form,
                                           const ElementText& bound_text);

}  // namespace walpack
