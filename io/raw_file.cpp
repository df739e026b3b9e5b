#include "io/raw_file.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/file_checks.hpp"
#include "io/hdf5_error.hpp"

namespace widegram::io {

RawFile::RawFile(const std::string& path, int flags) : path_(path), flags_(flags) { reopen(); }

void RawFile::reopen() {
  if ((flags_ & O_DIRECTORY) == 0) require_regular_file(path_);
  descriptor_ = hdf5::Descriptor(::open(path_.c_str(), flags_ | O_CLOEXEC));
  if (descriptor_.id() < 0) fail();
}

std::size_t RawFile::read(std::span<std::byte> into, Index from) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(descriptor_.id(), into.data() + done, into.size() - done, from + static_cast<Index>(done));
    if (got < 0 && errno != EINTR) fail();
    if (got == 0) break;
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return done;
}

void RawFile::write(std::span<const std::byte> bytes, Index to) const {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_.id(), bytes.data(), bytes.size(), to);
    if (put < 0 && errno != EINTR) fail();
    if (put > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      to += put;
    }
  }
}

void RawFile::write(std::span<const std::span<const std::byte>> pieces, Index to) const {
  constexpr std::size_t most = 64;  // far below any system's limit, far above what a call costs
  while (!pieces.empty()) {
    const std::size_t count = std::min(pieces.size(), most);
    std::array<iovec, most> parts{};
    std::size_t bytes = 0;
    for (std::size_t k = 0; k < count; ++k) {
      parts[k] = {const_cast<std::byte*>(pieces[k].data()), pieces[k].size()};
      bytes += pieces[k].size();
    }
    const ssize_t put = ::pwritev(descriptor_.id(), parts.data(), static_cast<int>(count), to);
    if (put < 0 && errno != EINTR) fail();
    // Cut off by a full disk or a signal: what is left goes piece by piece, and says why where it cannot.
    if (put != static_cast<ssize_t>(bytes)) {
      Index at = to;
      for (std::size_t k = 0; k < count; at += static_cast<Index>(pieces[k++].size())) write(pieces[k], at);
    }
    pieces = pieces.subspan(count);
    to += static_cast<Index>(bytes);
  }
}

void RawFile::expect(Range bytes) const {
  ::posix_fadvise(descriptor_.id(), bytes.begin, bytes.size(), POSIX_FADV_WILLNEED);
}

void RawFile::clear(Range bytes) const {
  if (bytes.size() > 0)
    static_cast<void>(
        ::fallocate(descriptor_.id(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, bytes.begin, bytes.size()));
}

void RawFile::sync() const {
  // Some file systems cannot sync a folder: EINVAL says that there is nothing to do.
  if (::fsync(descriptor_.id()) != 0 && errno != EINVAL) fail();
}

void RawFile::fail() const { throw hdf5::system_error({path_}, errno); }

}  // namespace widegram::io
