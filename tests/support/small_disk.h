// A file system of a few megabytes for a server, which fills up.
#pragma once

#include <string>

namespace walpack::e2e {

class SmallDisk {
  public:
    explicit SmallDisk(int megabytes);
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    // False where this user may not mount anything.
    bool is_mounted() const { return is_mounted_; }
    // Belongs to the server's user.
    const std::string& folder() const { return folder_; }
    // Takes what room there is, to the last byte, and gives it back.
    void fill();
    void make_room();

  private:
    std::string folder_;
    bool is_mounted_ = false;
};

}  // namespace walpack::e2e
