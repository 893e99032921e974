// Runs a client program of PostgreSQL to its end, without a shell: what it prints is collected, it
// dies with this process, and a requested stop ends it.
//
// Arguments are visible to every user of the machine, so no secret may be among them; it goes into
// the environment.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_request.h"

namespace walpack {

// A file in memory that a child can open by its path; gone with this object.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view contents);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    int fd() const { return fd_; }
    // Valid in a child that the file was passed to.
    std::string path() const;

  private:
    int fd_ = -1;
};

struct ChildProgram {
    std::vector<std::string> arguments;              // the program's path first
    std::map<std::string, std::string> environment;  // on top of our own
    std::vector<int> passed;                         // file descriptors that the child keeps
};

struct ChildOutcome {
    int status = -1;  // exit status; 128 + signal when one ended it
    std::string output;
    std::string errors;  // the end of what it wrote to standard error
};

// Throws Error(cancelled) when a stop is requested meanwhile, Error(config) when the program cannot
// be started, Error(limit) when it prints more than 1 GB.
ChildOutcome run_child(const ChildProgram& program, const StopRequest& stop);

}  // namespace walpack
