#include "copy/table_state.h"

#include <array>
#include <utility>

namespace walpack {
namespace {

constexpr std::array<std::pair<TableState, std::string_view>, 6> kStates = {{
    {TableState::requested, "requested"},
    {TableState::waiting, "waiting"},
    {TableState::copying, "copying"},
    {TableState::building, "building"},
    {TableState::settling, "settling"},
    {TableState::ready, "ready"},
}};

}  // namespace

std::string_view name_of(TableState state) {
    for (const auto& [known, name] : kStates) {
        if (known == state) return name;
    }
    return "";
}

std::optional<TableState> table_state_of(std::string_view name) {
    for (const auto& [state, known] : kStates) {
        if (known == name) return state;
    }
    return std::nullopt;
}

TableCopyState shown_state(TableState state) {
    switch (state) {
        case TableState::requested:
        case TableState::waiting:
            return TableCopyState::waiting;
        case TableState::copying:
            return TableCopyState::copying;
        case TableState::building:
        case TableState::settling:
            return TableCopyState::indexing;
        case TableState::ready:
            return TableCopyState::done;
    }
    return TableCopyState::waiting;
}

}  // namespace walpack
