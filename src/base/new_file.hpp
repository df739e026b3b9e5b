#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace widegram {

/// Opens `path` for writing as a file that nobody had before: what lies there is removed, and a link that is
/// put there meanwhile is not followed. Returns a descriptor; -1 with errno set.
inline int open_new_file(const char* path) {
  ::unlink(path);
  return ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

}  // namespace widegram
