// How far the copy of a table is, as walpack.copy_table has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "copy/copy_progress.h"

namespace walpack {

enum class TableState : std::uint8_t {
    requested,  // to be copied again: its rows on the target are to go first
    waiting,    // to be cut into chunks
    copying,    // chunks are being loaded
    building,   // all are loaded; keys and indexes are being made
    settling,   // all are live; the stream has not passed their snapshots yet
    ready,
};

std::string_view name_of(TableState state);
// nullopt when none has the name.
std::optional<TableState> table_state_of(std::string_view name);
// In the words of the progress.
TableCopyState shown_state(TableState state);

}  // namespace walpack
