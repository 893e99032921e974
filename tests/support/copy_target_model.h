// What a target keeps of a copy, and what the gate's statements do to it.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "copy/copy_catalog.h"
#include "support/copy_model.h"

namespace walpack::test {

// What is stored on the target.
struct ModelTarget {
    struct Part {
        std::optional<SourceSnapshot> snapshot;
        Lsn settled_lsn;
        bool is_live = false;
    };

    ModelDatabase rows;
    std::array<std::vector<Part>, kModelTables> parts;
    std::array<TableState, kModelTables> states{};
    std::array<bool, kModelTables> is_built{true, false, true};
    std::array<SourceSnapshot, kModelTables> required;
    std::array<Lsn, kModelTables> required_lsn;
    UnseenTransactions unseen;
    std::optional<Lsn> kept_from;
    Lsn position;

    // A statement of the gate.
    void execute(const std::string& sql, const std::string& doing) {
        if (doing == "take a chunk's rows back" || doing == "empty a chunk") {
            const auto table = static_cast<std::size_t>(number_behind(sql, ".\"t"));
            const bool has_from = sql.find(">= '") != std::string::npos;
            const bool has_to = sql.find("< '") != std::string::npos;
            const int from = has_from ? static_cast<int>(number_behind(sql, ">= '")) : 0;
            const int to = has_to ? static_cast<int>(number_behind(sql, "< '")) : kKeysMax;
            std::erase_if(rows[table], [from, to](const auto& row) {
                return row.first >= from && row.first < to;
            });
            return;
        }
        if (doing == "note where kept changes begin") return note_kept_from(sql);
        const auto table = static_cast<std::size_t>(number_behind(sql, "table_oid = ")) - 1;
        if (doing == "reset a chunk") {
            parts[table].at(number_behind(sql, "AND chunk = ")) = {};
        } else if (doing == "note that chunks are live") {
            const std::string numbers = sql.substr(sql.find('{') + 1);
            for (const char c : numbers.substr(0, numbers.find('}'))) {
                if (c != ',') parts[table].at(static_cast<std::size_t>(c - '0')).is_live = true;
            }
        } else if (doing == "note the state of a table") {
            if (states[table] == TableState::requested || states[table] == TableState::ready)
                return;
            for (const TableState state :
                 {TableState::copying, TableState::building, TableState::settling}) {
                if (sql.find(fmt::format("'{}'", name_of(state))) != std::string::npos) {
                    states[table] = state;
                    return;
                }
            }
        } else {
            throw std::logic_error("an unknown command");
        }
    }

    // Of SQL that says so, among other things.
    void note_closing(const std::string& sql) {
        note_kept_from(sql);
        note_unseen(sql);
    }
    void note_unseen(const std::string& sql) {
        if (sql.find("unseen") == std::string::npos) return;
        static const std::regex kItem("([0-9]+)@([0-9A-F]+/[0-9A-F]+)");
        unseen.clear();
        for (std::sregex_iterator it(sql.begin(), sql.end(), kItem), end; it != end; ++it)
            unseen[Lsn::parse((*it)[2].str()).value()] =
                static_cast<std::uint32_t>(std::stoul((*it)[1].str()));
    }
    void note_kept_from(const std::string& sql) {
        static const std::regex kKept("kept_from = (NULL|'([0-9A-F/]+)')");
        std::smatch found;
        if (!std::regex_search(sql, found, kKept)) return;
        kept_from = found[2].matched ? Lsn::parse(found[2].str()) : std::nullopt;
    }

    // As resume_copy() does when the stream begins behind it.
    void give_up_kept() {
        for (std::size_t table = 0; table < kModelTables; ++table) {
            const bool is_affected = states[table] != TableState::ready &&
                                     std::ranges::any_of(parts[table], [](const Part& part) {
                                         return part.snapshot && !part.is_live;
                                     });
            if (is_affected) states[table] = TableState::requested;
        }
        kept_from.reset();
    }

  private:
    static std::uint64_t number_behind(const std::string& sql, const std::string& what) {
        const auto at = sql.find(what);
        return at == std::string::npos ? 0 : std::stoull(sql.substr(at + what.size()));
    }
};

constexpr std::size_t kModelParts = 4;
constexpr std::size_t kWholeParts = 2;

inline std::size_t parts_of(std::size_t table) {
    return table == 2 ? kWholeParts : kModelParts;
}

// By ranges of ten keys; of the table that is read whole, by halves.
inline bool is_in_part(std::size_t table, std::size_t part, int key) {
    if (table == 2) return static_cast<std::size_t>(key % 2) == part;
    return std::min<std::size_t>(static_cast<std::size_t>(key) / 10, 3) == part;
}

}  // namespace walpack::test
