#include "config/sql_name.h"

#include <cstddef>

namespace walpack {
namespace {

constexpr std::size_t kNameBytesMax = 63;  // NAMEDATALEN - 1

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool goes_on(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

// Reads from the front of `rest_`; every function says whether it found what it looks for.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    void skip_blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) advance();
    }
    bool at_end() const { return rest_.empty(); }
    bool take(char expected) {
        if (rest_.empty() || rest_.front() != expected) return false;
        advance();
        return true;
    }
    bool take_part(std::string& part) {
        part.clear();
        const bool is_found = take('"') ? take_quoted(part) : take_bare(part);
        return is_found && !part.empty() && part.size() <= kNameBytesMax;
    }

  private:
    void advance() { rest_.remove_prefix(1); }

    bool take_quoted(std::string& part) {
        while (!rest_.empty()) {
            const char c = rest_.front();
            advance();
            if (c == '"' && !take('"')) return true;
            if (c == '\0') return false;
            part += c;
        }
        return false;
    }

    bool take_bare(std::string& part) {
        if (rest_.empty() || !is_letter(rest_.front())) return false;
        while (!rest_.empty() && goes_on(rest_.front())) {
            const char c = rest_.front();
            part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            advance();
        }
        return true;
    }

    std::string_view rest_;
};

bool take_name(Scanner& scanner, SqlName& name) {
    std::string part;
    do {
        scanner.skip_blanks();
        if (!scanner.take_part(part)) return false;
        name.push_back(part);
        scanner.skip_blanks();
    } while (scanner.take('.'));
    return true;
}

}  // namespace

std::optional<std::vector<SqlName>> parse_sql_names(std::string_view text) {
    Scanner scanner(text);
    std::vector<SqlName> names;
    do {
        SqlName name;
        if (!take_name(scanner, name)) return std::nullopt;
        names.push_back(std::move(name));
    } while (scanner.take(','));
    if (!scanner.at_end()) return std::nullopt;
    return names;
}

}  // namespace walpack
