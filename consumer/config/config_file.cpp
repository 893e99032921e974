#include "config/config_file.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

class OpenFile {
  public:
    explicit OpenFile(const std::string& path)
        : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (fd_ < 0) fail();
    }
    ~OpenFile() {
        if (fd_ >= 0) close(fd_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    bool is_exposed() const {
        struct stat status {};
        if (fstat(fd_, &status) != 0) fail();
        return (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    }

    std::string content() const {
        std::string text;
        char buffer[8192];
        while (true) {
            const ssize_t count = read(fd_, buffer, sizeof buffer);
            if (count < 0) fail();
            if (count == 0) return text;
            text.append(buffer, static_cast<std::size_t>(count));
            if (text.size() > kFileBytesMax) {
                throw Error(ErrorKind::config,
                            fmt::format("configuration file \"{}\" is too large", path_));
            }
        }
    }

  private:
    [[noreturn]] void fail() const {
        throw Error(ErrorKind::config, fmt::format("could not read configuration file \"{}\": {}",
                                                   path_, std::strerror(errno)))
            .hint("Name the file with --config FILE.");
    }

    const std::string& path_;
    int fd_;
};

toml::table parse(const std::string& content, const std::string& path) {
    try {
        return toml::parse(content);
    } catch (const toml::parse_error& error) {
        throw Error(ErrorKind::config, fmt::format("{}, line {}: not valid TOML: {}", path,
                                                   error.source().begin.line, error.description()))
            .hint("Write one key per line, such as slot = \"walpack_main\"; text in quotes.");
    }
}

std::vector<std::string> read_list(const GivenValue& given, const toml::array& array) {
    std::vector<std::string> list;
    for (const toml::node& element : array) {
        const auto* text = element.as_string();
        if (text == nullptr) {
            refuse(given, "every element of the list must be text",
                   "Write it as [\"one\", \"two\"].");
        }
        list.push_back(text->get());
    }
    return list;
}

void take_value(GivenValue& given, const toml::node& node) {
    if (const auto* text = node.as_string()) {
        given.value = text->get();
    } else if (const auto* boolean = node.as_boolean()) {
        given.value = boolean->get();
    } else if (const auto* integer = node.as_integer()) {
        given.value = std::int64_t{integer->get()};
    } else if (const auto* array = node.as_array()) {
        given.value = read_list(given, *array);
    } else {
        refuse(given, "a value of this type is not possible here",
               "The values of keys are text, integers, true, false or lists of text.");
    }
}

class FileReader {
  public:
    FileReader(const std::string& path, bool is_exposed) : path_(path), is_exposed_(is_exposed) {}

    // As deep as the parser lets tables nest.
    void read(const toml::table& table, const std::vector<std::string>& section) {
        for (const auto& [key, node] : table) {
            GivenValue given;
            given.section = section;
            if (const auto* inner = node.as_table()) {
                given.section.emplace_back(key.str());
                given.place = place(key, "table", fmt::format("[{}]", key.str()));
                const auto inner_section = given.section;
                values_.push_back(std::move(given));
                read(*inner, inner_section);
                continue;
            }
            given.key = key.str();
            given.place = place(key, "key", fmt::format("\"{}\"", given.key));
            if (is_exposed_) given.exposed_path = path_;
            take_value(given, node);
            values_.push_back(std::move(given));
        }
    }

    std::vector<GivenValue> take() { return std::move(values_); }

  private:
    std::string place(const toml::key& key, std::string_view what, const std::string& name) const {
        return fmt::format("{}, line {}, {} {}", path_, key.source().begin.line, what, name);
    }

    const std::string& path_;
    const bool is_exposed_;
    std::vector<GivenValue> values_;
};

}  // namespace

std::vector<GivenValue> read_config_file(const std::string& path) {
    const OpenFile file(path);
    FileReader reader(path, file.is_exposed());
    reader.read(parse(file.content(), path), {});
    return reader.take();
}

}  // namespace walpack
