#include "support/small_disk.h"

#include <fstream>
#include <stdexcept>

#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"

namespace walpack::e2e {

SmallDisk::SmallDisk(int megabytes) : folder_(new_scratch_path("disk")) {
    if (mkdir(folder_.c_str(), 0755) != 0) throw std::runtime_error("cannot make " + folder_);
    const std::string size = "size=" + std::to_string(megabytes) + "m";
    is_mounted_ = mount("walpack_test", folder_.c_str(), "tmpfs", 0, size.c_str()) == 0;
    if (!is_mounted_) return;
    const passwd* server = getpwnam("postgres");
    if (server == nullptr || chown(folder_.c_str(), server->pw_uid, server->pw_gid) != 0)
        throw std::runtime_error("cannot give " + folder_ + " to the server");
}

// A server may still have files open there, so it is taken out of the tree at once.
SmallDisk::~SmallDisk() {
    if (is_mounted_) umount2(folder_.c_str(), MNT_DETACH);
    rmdir(folder_.c_str());
}

void SmallDisk::fill() {
    std::ofstream out(folder_ + "/ballast", std::ios::binary);
    const std::string block(4096, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())) && out.flush()) {
    }
}

void SmallDisk::make_room() {
    unlink((folder_ + "/ballast").c_str());
}

}  // namespace walpack::e2e
