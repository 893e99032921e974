#include "structure/client_programs.h"

#include <charconv>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include "base/error.h"
#include "structure/child_program.h"

namespace walpack {
namespace {

constexpr int kVersionsPerMajor = 10000;
// Before version 15 it does not know the option; there is nothing to leave out then.
constexpr int kVersionWithAccessMethodOption = 15;

std::vector<std::string> program_folders() {
    std::vector<std::string> folders;
    const char* const path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "" : path;
    while (!rest.empty()) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        if (folder.starts_with('/')) folders.emplace_back(folder);
    }
    for (const char* pattern :
         {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"}) {
        glob_t found{};
        if (glob(pattern, 0, nullptr, &found) == 0) {
            folders.insert(folders.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
        }
        globfree(&found);
    }
    return folders;
}

std::vector<ClientPrograms> all_client_programs(const StopRequest& stop) {
    std::vector<ClientPrograms> found;
    for (const std::string& folder : program_folders()) {
        ClientPrograms programs{folder + "/pg_dump", folder + "/pg_restore", 0};
        if (access(programs.pg_dump.c_str(), X_OK) != 0) continue;
        if (access(programs.pg_restore.c_str(), X_OK) != 0) continue;
        const ChildOutcome outcome = run_child({{programs.pg_dump, "--version"}, {}, {}}, stop);
        const auto version = parse_program_version(outcome.output);
        if (outcome.status != 0 || !version) continue;
        programs.major_version = *version;
        found.push_back(std::move(programs));
    }
    return found;
}

std::string conninfo_text(const std::map<std::string, std::string>& keywords) {
    std::string text;
    for (const auto& [keyword, value] : keywords) {
        text += (text.empty() ? "" : " ") + keyword + "='";
        for (const char c : value) {
            if (c == '\'' || c == '\\') text += '\\';
            text += c;
        }
        text += '\'';
    }
    return text;
}

std::string without(std::string text, const std::string& secret) {
    for (std::size_t at = 0;
         !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
        text.replace(at, secret.size(), "***");
        at += 3;
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

// Moves the password from the keywords, which others can see, into the environment.
std::string hide_password(std::map<std::string, std::string>& keywords, ChildProgram& program) {
    for (const char* keyword :
         {"sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"}) {
        if (!keywords.contains(keyword)) continue;
        throw Error(ErrorKind::config,
                    fmt::format("pg_dump cannot be given \"{}\" in secret", keyword))
            .hint(
                "Use a password or a key without a passphrase in \"source\", or make the tables "
                "yourself and set create_schema = false.");
    }
    const auto found = keywords.find("password");
    if (found == keywords.end()) return "";
    std::string password = found->second;
    keywords.erase(found);
    program.environment["PGPASSWORD"] = password;
    return password;
}

std::string run_restore(const ClientPrograms& programs, std::vector<std::string> arguments,
                        std::vector<int> passed, const StopRequest& stop) {
    arguments.insert(arguments.begin(), programs.pg_restore);
    ChildOutcome outcome = run_child({arguments, {{"LC_ALL", "C"}}, std::move(passed)}, stop);
    if (outcome.status == 0) return std::move(outcome.output);
    throw Error(
        ErrorKind::schema,
        fmt::format("pg_restore could not read the archive (exit status {})", outcome.status))
        .detail(without(outcome.errors, ""));
}

}  // namespace

std::optional<int> parse_program_version(std::string_view text) {
    constexpr std::string_view kName = "(PostgreSQL) ";
    const std::size_t at = text.find(kName);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + kName.size());
    int version = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
    if (read.ec != std::errc() || version <= 0) return std::nullopt;
    return version;
}

const ClientPrograms* choose_client_programs(const std::vector<ClientPrograms>& found,
                                             int major_version) {
    const ClientPrograms* chosen = nullptr;
    for (const ClientPrograms& each : found) {
        if (each.major_version < major_version) continue;
        if (chosen == nullptr || each.major_version < chosen->major_version) chosen = &each;
    }
    return chosen;
}

ClientPrograms find_client_programs(int server_version, const StopRequest& stop) {
    const int major_version = server_version / kVersionsPerMajor;
    const std::vector<ClientPrograms> found = all_client_programs(stop);
    if (const ClientPrograms* chosen = choose_client_programs(found, major_version)) return *chosen;
    std::string present;
    for (const ClientPrograms& each : found) {
        present += fmt::format("{}{} is of version {}", present.empty() ? "" : ", ", each.pg_dump,
                               each.major_version);
    }
    throw Error(ErrorKind::config,
                fmt::format("pg_dump and pg_restore {} for the source, which is of version {}",
                            found.empty() ? "are missing" : "are too old", major_version))
        .detail(present.empty() ? "" : "Found: " + present + ".")
        .hint(fmt::format("Install the client programs of version {0} or newer (Debian: "
                          "postgresql-client-{0}), or put their folder into PATH; or make the "
                          "tables yourself.",
                          major_version));
}

std::string dump_structure(const ClientPrograms& programs, const Conninfo& source,
                           const DumpOptions& options, const StopRequest& stop) {
    ChildProgram program;
    std::map<std::string, std::string> keywords = source.keywords();
    const std::string password = hide_password(keywords, program);
    keywords.try_emplace("fallback_application_name", "walpack_structure");
    // Schema walpack of the source is another pipeline's, or the extension's.
    program.arguments = {
        programs.pg_dump,       "--format=custom",         "--compress=0",
        "--schema-only",        "--no-publications",       "--no-subscriptions",
        "--no-security-labels", "--encoding=UTF8",         "--lock-wait-timeout=30s",
        "--no-password",        "--exclude-schema=walpack"};
    for (const std::string& table : options.excluded_tables) {
        program.arguments.push_back("--exclude-table=" + table);
    }
    program.arguments.push_back("--dbname=" + conninfo_text(keywords));
    program.environment["LC_ALL"] = "C";
    // Moments in the definitions are written alike, whatever the server's.
    program.environment["PGTZ"] = "UTC";
    ChildOutcome outcome = run_child(program, stop);
    if (outcome.status == 0) return std::move(outcome.output);
    throw Error(ErrorKind::schema,
                fmt::format("pg_dump could not read the structure of the source (exit status {})",
                            outcome.status))
        .detail(without(outcome.errors, password))
        .hint("Correct what it names, or make the tables yourself and set create_schema = false.");
}

std::string list_archive(const ClientPrograms& programs, const std::string& archive,
                         const StopRequest& stop) {
    const MemoryFile file(archive);
    return run_restore(programs, {"--list", "--verbose", file.path()}, {file.fd()}, stop);
}

std::string render_archive(const ClientPrograms& programs, const std::string& archive,
                           const std::vector<std::uint32_t>& entries, bool with_owners,
                           const StopRequest& stop) {
    std::string list;
    for (const std::uint32_t entry : entries) list += fmt::format("{};\n", entry);
    const MemoryFile file(archive);
    const MemoryFile selection(list);
    std::vector<std::string> arguments = {"--verbose", "--file=-", "--no-tablespaces",
                                          "--use-list=" + selection.path()};
    if (!with_owners) arguments.push_back("--no-owner");
    if (programs.major_version >= kVersionWithAccessMethodOption) {
        arguments.push_back("--no-table-access-method");
    }
    arguments.push_back(file.path());
    return run_restore(programs, std::move(arguments), {file.fd(), selection.fd()}, stop);
}

}  // namespace walpack
