// A configuration file for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace walpack {

class ConfigFileText {
  public:
    // The file is the owner's alone unless another mode is given.
    explicit ConfigFileText(const std::string& text,
                            std::filesystem::perms mode = std::filesystem::perms::owner_read |
                                                          std::filesystem::perms::owner_write) {
        std::string pattern = (std::filesystem::temp_directory_path() / "walpack.XXXXXX").string();
        close(mkstemp(pattern.data()));
        path_ = pattern;
        std::ofstream(path_) << text;
        std::filesystem::permissions(path_, mode);
    }
    ~ConfigFileText() { std::filesystem::remove(path_); }
    ConfigFileText(const ConfigFileText&) = delete;
    ConfigFileText& operator=(const ConfigFileText&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace walpack
