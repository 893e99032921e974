#include "pg/connect_failure.h"

#include <algorithm>
#include <string_view>

namespace walpack {
namespace {

constexpr std::string_view kBeforeState = ":  ";  // behind the severity
constexpr std::string_view kBehindState = ": ";
constexpr std::size_t kStateLength = 5;

bool is_state(std::string_view text) {
    return text.size() == kStateLength && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
           });
}

}  // namespace

ConnectFailure parse_connect_failure(const std::string& verbose) {
    ConnectFailure failure;
    std::string_view rest = verbose;
    while (!rest.empty()) {
        std::string line(rest.substr(0, rest.find('\n')));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.starts_with("LOCATION:  ")) continue;
        const std::size_t before = line.find(kBeforeState);
        if (before != std::string::npos) {
            const std::size_t at = before + kBeforeState.size();
            const std::string state = line.substr(at, kStateLength);
            if (is_state(state) && line.compare(at + kStateLength, 2, kBehindState) == 0) {
                failure.sqlstate = state;
                line.erase(at, kStateLength + kBehindState.size());
            }
        }
        failure.message += (failure.message.empty() ? "" : "\n") + line;
    }
    return failure;
}

}  // namespace walpack
