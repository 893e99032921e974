// What the checks before init found: everything is collected, then printed at once.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace walpack {

enum class End { source, target };

// ok is shown by check only. A note changes nothing; a warning will be met in operation; a problem
// stops init.
enum class Severity { ok, note, warning, problem };

struct Finding {
    End end = End::source;
    Severity severity = Severity::ok;
    std::string text;  // states the fact; further lines list what it is about
    std::string fix;   // what to do, ready to paste where it is a command; may have several lines
};

// What the server said, without our own words in front of it.
std::string reason_of(const Error& error);

// "1 problem", "2 problems".
std::string counted(std::size_t count, const std::string& noun);

class Findings {
  public:
    void ok(End end, std::string text);
    void note(End end, std::string text, std::string fix = "");
    void warning(End end, std::string text, std::string fix = "");
    void problem(End end, std::string text, std::string fix);

    // Runs one check. An Error that it throws becomes a problem, so that the other checks still
    // run; only a requested stop is thrown on.
    void check(End end, const std::string& what, const std::function<void()>& check);

    std::size_t problem_count() const;
    const std::vector<Finding>& all() const { return findings_; }
    // The findings of at least this severity, the source's first, each with its fix below it.
    std::string report(Severity least) const;

  private:
    std::vector<Finding> findings_;
};

}  // namespace walpack
