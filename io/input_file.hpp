#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "src/base/index.hpp"

struct gzFile_s;

namespace widegram::io {

/// A file of input data that one rank reads, plain or compressed by gzip. Not collective.
/// Every failure is Error(data) that names the file: missing, a directory, unreadable, cut, damaged.
class InputFile {
 public:
  explicit InputFile(const std::string& path);

  const std::string& path() const { return path_; }
  /// A compressed file is read in ascending order; going back means unpacking from its beginning.
  bool compressed() const { return compressed_; }
  /// Plain: the file's size. Compressed: what it can unpack to at most. For checks before anything is
  /// allocated.
  std::int64_t largest_size() const { return largest_size_; }

  /// Fills `to` from this position of the unpacked bytes on. Throws where the file ends before.
  void read_at(std::int64_t position, std::span<std::byte> to);
  /// The next bytes; fewer than asked for at the end of the file, and 0 behind it.
  std::size_t read_some(std::span<std::byte> to);
  /// Throws where bytes are left at `position`. In a compressed file this also verifies the checksum at its
  /// end.
  void expect_end(std::int64_t position);

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  void seek(std::int64_t position);

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  bool compressed_ = false;
  std::int64_t largest_size_ = 0;
  std::int64_t position_ = 0;
};

/// Whether there is nothing of this name. What cannot be looked at is not missing: opening it tells why.
bool is_missing(const std::string& path);

/// The product of non-negative extents read from a file's header. Throws Error(data) naming the file where it
/// overflows.
Index checked_product(std::span<const Index> extents, const std::string& path);

}  // namespace widegram::io
