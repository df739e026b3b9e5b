#pragma once

#include <span>
#include <string>

#include "io/hdf5_staging.hpp"
#include "src/base/index.hpp"

namespace widegram::io {

/// A file of the operating system, closed at the end of the scope. Reads and writes name their place, so that
/// several threads may use it at once. Errors are Error(files) with the path and the system's reason.
class RawFile {
 public:
  /// flags: as of open(2). Refuses what is no regular file, but for a folder with O_DIRECTORY.
  RawFile(const std::string& path, int flags);

  /// Opens the same file anew: what a network file system has kept of it in memory goes.
  void reopen();

  /// Number of bytes read: less than asked for only at the end of the file.
  std::size_t read(std::span<std::byte> into, Index from) const;
  void write(std::span<const std::byte> bytes, Index to) const;
  /// Pieces that follow each other in the file, with as few calls as the system allows.
  void write(std::span<const std::span<const std::byte>> pieces, Index to) const;
  /// Tells the system that these bytes will be read soon. It may begin at once.
  void expect(Range bytes) const;
  /// Makes these bytes zero, as a hole where the file system has holes for it; else leaves them as they are.
  void clear(Range bytes) const;
  /// Brings to disk what has been written.
  void sync() const;

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  int flags_ = 0;
  hdf5::Descriptor descriptor_;
};

}  // namespace widegram::io
