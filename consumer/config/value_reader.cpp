#include "config/value_reader.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "config/sql_name.h"

namespace walpack {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Smallest first.
constexpr std::array kByteUnits = {Unit{"B", 1}, Unit{"kB", 1024}, Unit{"MB", 1024 * 1024},
                                   Unit{"GB", 1024 * 1024 * 1024},
                                   Unit{"TB", 1024ULL * 1024 * 1024 * 1024}};
constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"min", 60'000},
                                   Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

constexpr std::string_view kBytesHint =
    "Write bytes as an integer, or text with one of the units B, kB, MB, GB and TB, such as "
    "\"64MB\".";
constexpr std::string_view kDurationHint =
    "Write text with one of the units ms, s, min, h and d, such as \"500ms\" or \"10s\".";

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

struct Amount {
    std::uint64_t number = 0;
    std::string_view unit;  // empty: none was written
};

// "64MB", "64 MB", "64".
std::optional<Amount> parse_amount(std::string_view text) {
    const std::size_t digits = text.find_first_not_of("0123456789");
    const auto number = whole_number(text.substr(0, digits));
    if (!number) return std::nullopt;
    Amount amount{*number, {}};
    if (digits == std::string_view::npos) return amount;
    const std::size_t unit = text.find_first_not_of(' ', digits);
    if (unit == std::string_view::npos) return std::nullopt;
    amount.unit = text.substr(unit);
    return amount;
}

template <std::size_t Count>
std::optional<std::uint64_t> in_smallest_unit(const Amount& amount,
                                              const std::array<Unit, Count>& units) {
    for (const Unit& unit : units) {
        if (unit.name != amount.unit) continue;
        if (amount.number > std::numeric_limits<std::uint64_t>::max() / unit.factor) {
            return std::nullopt;
        }
        return amount.number * unit.factor;
    }
    return std::nullopt;
}

template <std::size_t Count>
std::string in_largest_unit(std::uint64_t number, const std::array<Unit, Count>& units) {
    const Unit* chosen = &units.front();
    for (const Unit& unit : units) {
        if (number != 0 && number % unit.factor == 0) chosen = &unit;
    }
    return fmt::format("{}{}", number / chosen->factor, chosen->name);
}

// An integer of the file as it is, or a flag's text.
std::optional<std::uint64_t> integer_of(const GivenValue& given) {
    if (const auto* integer = std::get_if<std::int64_t>(&given.value)) {
        if (*integer < 0) return std::nullopt;
        return static_cast<std::uint64_t>(*integer);
    }
    if (!given.is_flag) return std::nullopt;
    return whole_number(std::get<std::string>(given.value));
}

// The list's elements, one per name.
std::vector<SqlName> names_of(const GivenValue& given, const std::string& hint) {
    std::vector<SqlName> names;
    if (const auto* list = std::get_if<std::vector<std::string>>(&given.value)) {
        for (const std::string& element : *list) {
            const auto parsed = parse_sql_names(element);
            if (!parsed || parsed->size() != 1) {
                refuse(given, fmt::format("'{}' is not a name as SQL writes it", element), hint);
            }
            names.push_back(parsed->front());
        }
        return names;
    }
    const auto* text = std::get_if<std::string>(&given.value);
    if (text == nullptr || !given.is_flag) refuse(given, "needs a list of names", hint);
    const auto parsed = parse_sql_names(*text);
    if (!parsed) refuse(given, "not a list of names as SQL writes them", hint);
    return *parsed;
}

}  // namespace

void refuse(const GivenValue& given, const std::string& what, const std::string& hint) {
    throw Error(ErrorKind::config, fmt::format("{}: {}", given.place, what)).hint(hint);
}

bool read_boolean(const GivenValue& given) {
    if (const auto* boolean = std::get_if<bool>(&given.value)) return *boolean;
    if (given.is_flag) {
        const auto& text = std::get<std::string>(given.value);
        if (text == "true" || text == "on" || text == "yes") return true;
        if (text == "false" || text == "off" || text == "no") return false;
    }
    refuse(given, "needs a Boolean value", "Write true or false.");
}

std::string read_text(const GivenValue& given) {
    const auto* text = std::get_if<std::string>(&given.value);
    if (text == nullptr) refuse(given, "needs text", "Write it in quotes.");
    if (text->find('\0') != std::string::npos) {
        refuse(given, "holds a zero byte", "Remove it; PostgreSQL texts cannot hold one.");
    }
    return *text;
}

std::uint64_t read_count(const GivenValue& given, CountBounds bounds) {
    const auto count = integer_of(given);
    if (!count || *count < bounds.min || *count > bounds.max) {
        refuse(given, "needs an integer in range",
               fmt::format("Write an integer from {} to {}.", bounds.min, bounds.max));
    }
    return *count;
}

std::uint64_t read_bytes(const GivenValue& given, CountBounds bounds) {
    std::optional<std::uint64_t> bytes = integer_of(given);
    const auto* text = std::get_if<std::string>(&given.value);
    if (!bytes && text != nullptr) {
        const auto amount = parse_amount(*text);
        if (amount) bytes = in_smallest_unit(*amount, kByteUnits);
    }
    if (!bytes) refuse(given, "not a number of bytes", std::string(kBytesHint));
    if (*bytes < bounds.min || *bytes > bounds.max) {
        refuse(given, "out of range",
               fmt::format("Write {} to {}.", write_bytes(bounds.min), write_bytes(bounds.max)));
    }
    return *bytes;
}

std::chrono::milliseconds read_duration(const GivenValue& given, DurationBounds bounds) {
    const auto* text = std::get_if<std::string>(&given.value);
    std::optional<Amount> amount;
    if (text != nullptr) amount = parse_amount(*text);
    const bool is_bare =
        std::holds_alternative<std::int64_t>(given.value) || (amount && amount->unit.empty());
    if (is_bare) refuse(given, "a duration needs a unit", std::string(kDurationHint));
    std::optional<std::uint64_t> count;
    if (amount) count = in_smallest_unit(*amount, kTimeUnits);
    if (!count) refuse(given, "not a duration", std::string(kDurationHint));
    if (*count < static_cast<std::uint64_t>(bounds.min.count()) ||
        *count > static_cast<std::uint64_t>(bounds.max.count())) {
        refuse(
            given, "out of range",
            fmt::format("Write {} to {}.", write_duration(bounds.min), write_duration(bounds.max)));
    }
    return std::chrono::milliseconds(*count);
}

std::vector<std::string> read_names(const GivenValue& given) {
    const std::string hint =
        "Write each name as in SQL: my_name, or \"My Name\" with its double quotes.";
    std::vector<std::string> names;
    for (SqlName& name : names_of(given, hint)) {
        if (name.size() != 1) refuse(given, "these names have no schema", hint);
        names.push_back(std::move(name.front()));
    }
    return names;
}

std::vector<std::string> read_table_names(const GivenValue& given) {
    const std::string hint =
        "Write each table with its schema, as in SQL: public.accounts, or public.\"My Table\".";
    std::vector<std::string> names;
    for (const SqlName& name : names_of(given, hint)) {
        if (name.size() != 2) refuse(given, "every table needs its schema", hint);
        names.push_back(quote_identifier(name[0]) + "." + quote_identifier(name[1]));
    }
    return names;
}

Conninfo read_conninfo(const GivenValue& given) {
    const std::string text = read_text(given);
    Conninfo conninfo;
    try {
        conninfo = Conninfo::parse(text);
    } catch (const Error& error) {
        refuse(given, error.message(), error.hint());
    }
    if (!conninfo.has_secret()) return conninfo;
    if (given.is_flag) {
        refuse(given, "holds a password, which every user of this machine can see in \"ps\"",
               "Keep the password in ~/.pgpass, a service file, PGPASSWORD or the configuration "
               "file.");
    }
    if (!given.exposed_path.empty()) {
        refuse(given, "holds a password, and other users may read or change the file",
               fmt::format("Run: chmod 600 '{}' (the owner must be the user that runs walpack), "
                           "or keep the password in ~/.pgpass or a service file.",
                           given.exposed_path));
    }
    return conninfo;
}

std::string write_bytes(std::uint64_t bytes) {
    return in_largest_unit(bytes, kByteUnits);
}

std::string write_duration(std::chrono::milliseconds duration) {
    return in_largest_unit(static_cast<std::uint64_t>(duration.count()), kTimeUnits);
}

}  // namespace walpack
