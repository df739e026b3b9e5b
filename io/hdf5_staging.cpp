#include "io/hdf5_staging.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

namespace widegram::hdf5 {

namespace {

off_t checked(off_t result, const Origin& origin) {
  if (result < 0) throw system_error(origin, errno);
  return result;
}

void copy_piece(int from, int to, off_t at, std::span<char> piece, const Origin& origin) {
  for (std::size_t got = 0; got < piece.size();) {
    const ssize_t count = ::pread(from, piece.data() + got, piece.size() - got, at + static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (checked(count, origin) == 0) throw system_error(origin, EIO);
    got += static_cast<std::size_t>(count);
  }
  for (std::size_t put = 0; put < piece.size();) {
    const ssize_t count = ::pwrite(to, piece.data() + put, piece.size() - put, at + static_cast<off_t>(put));
    if (count < 0 && errno == EINTR) continue;
    put += static_cast<std::size_t>(checked(count, origin));
  }
}

/// Makes `to` a copy of `from`. What has never been written takes no room in either.
void copy_file(int from, int to, const Origin& origin) {
  constexpr off_t most = off_t{1} << 20;
  struct stat status {};
  checked(::fstat(from, &status), origin);
  checked(::ftruncate(to, status.st_size), origin);
  std::vector<char> buffer(static_cast<std::size_t>(std::min(most, status.st_size)));
  for (off_t at = 0; at < status.st_size;) {
    at = ::lseek(from, at, SEEK_DATA);
    if (at < 0 && errno == ENXIO) return;  // holes to the end
    const off_t end = checked(::lseek(from, checked(at, origin), SEEK_HOLE), origin);
    for (; at < end; at += most)
      copy_piece(from, to, at, std::span(buffer).first(static_cast<std::size_t>(std::min(most, end - at))),
                 origin);
    at = end;
  }
}

}  // namespace

Descriptor::~Descriptor() {
  if (id_ >= 0) ::close(id_);
}

Staging::Staging(hid_t file, Origin origin) : origin_(std::move(origin)) {
  void* handle = nullptr;
  check(H5Fget_vfd_handle(file, H5P_DEFAULT, &handle), origin_);
  const int in_library = *static_cast<const int*>(handle);
  disk_ = Descriptor(::fcntl(in_library, F_DUPFD_CLOEXEC, 0));
  checked(disk_.id(), origin_);
  memory_ = Descriptor(::memfd_create("widegram", MFD_CLOEXEC));
  checked(memory_.id(), origin_);
  copy_file(disk_.id(), memory_.id(), origin_);
  checked(::dup3(memory_.id(), in_library, O_CLOEXEC), origin_);
}

void Staging::write_to_disk() const { copy_file(memory_.id(), disk_.id(), origin_); }

}  // namespace widegram::hdf5
