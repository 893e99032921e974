#include "cli/finding.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace walpack {
namespace {

constexpr std::size_t kTextColumn = 11;

std::string_view word_for(Severity severity) {
    switch (severity) {
        case Severity::ok:
            return "ok";
        case Severity::note:
            return "note";
        case Severity::warning:
            return "warning";
        case Severity::problem:
            return "PROBLEM";
    }
    return "";
}

// The text with its second and later lines under the first.
std::string aligned(const std::string& text, std::size_t column) {
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == '\n') out.append(column, ' ');
    }
    return out;
}

std::string line_of(const Finding& finding) {
    std::string line =
        fmt::format("  {:<9}{}\n", word_for(finding.severity), aligned(finding.text, kTextColumn));
    if (finding.fix.empty()) return line;
    return line +
           fmt::format("{:{}}fix: {}\n", "", kTextColumn, aligned(finding.fix, kTextColumn + 5));
}

}  // namespace

std::string reason_of(const Error& error) {
    constexpr std::string_view kOurWords = "could not run a command: ";
    const std::string message = error.message();
    return message.starts_with(kOurWords) ? message.substr(kOurWords.size()) : message;
}

std::string counted(std::size_t count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void Findings::ok(End end, std::string text) {
    findings_.push_back({end, Severity::ok, std::move(text), ""});
}

void Findings::note(End end, std::string text, std::string fix) {
    findings_.push_back({end, Severity::note, std::move(text), std::move(fix)});
}

void Findings::warning(End end, std::string text, std::string fix) {
    findings_.push_back({end, Severity::warning, std::move(text), std::move(fix)});
}

void Findings::problem(End end, std::string text, std::string fix) {
    findings_.push_back({end, Severity::problem, std::move(text), std::move(fix)});
}

void Findings::check(End end, const std::string& what, const std::function<void()>& check) {
    try {
        check();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        std::string text = fmt::format("{}: {}", what, reason_of(error));
        if (!error.detail().empty()) text += "\n" + error.detail();
        problem(end, std::move(text), error.hint());
    }
}

std::size_t Findings::problem_count() const {
    return static_cast<std::size_t>(
        std::ranges::count(findings_, Severity::problem, &Finding::severity));
}

std::string Findings::report(Severity least) const {
    std::string out;
    for (const End end : {End::source, End::target}) {
        std::string lines;
        for (const Finding& finding : findings_) {
            if (finding.end == end && finding.severity >= least) lines += line_of(finding);
        }
        if (!lines.empty()) out += (end == End::source ? "source\n" : "target\n") + lines;
    }
    return out;
}

}  // namespace walpack
