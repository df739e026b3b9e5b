#include "io/input_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "src/base/error.hpp"

namespace widegram::io {
namespace {

namespace fs = std::filesystem;

/// Deflate cannot shrink anything by more than this (zlib technical details).
constexpr std::int64_t largest_deflate_ratio = 1032;
constexpr unsigned buffer_bytes = 1U << 18;

Error bad_file(const std::string& path, const std::string& what) {
  return Error(ExitCode::data, path + ": " + what);
}

std::int64_t size_of_regular_file(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw bad_file(path, "no such file");
  if (error) throw bad_file(path, "cannot be read: " + error.message());
  if (fs::is_directory(status)) throw bad_file(path, "is a directory, not a file of data");
  if (!fs::is_regular_file(status)) throw bad_file(path, "is not a regular file");
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) throw bad_file(path, "cannot be read: " + error.message());
  if (size == 0) throw bad_file(path, "is empty");
  return static_cast<std::int64_t>(size);
}

}  // namespace

void InputFile::Close::operator()(gzFile_s* file) const { gzclose(file); }

InputFile::InputFile(const std::string& path) : path_(path), largest_size_(size_of_regular_file(path)) {
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) throw bad_file(path_, std::string("cannot be read: ") + std::strerror(errno));
  gzbuffer(file_.get(), buffer_bytes);
  compressed_ = gzdirect(file_.get()) == 0;
  if (compressed_ && __builtin_mul_overflow(largest_size_, largest_deflate_ratio, &largest_size_))
    largest_size_ = std::numeric_limits<std::int64_t>::max();
}

void InputFile::seek(std::int64_t position) {
  if (position == position_) return;
  if (gzseek(file_.get(), position, SEEK_SET) != position)
    throw bad_file(path_, "the file is cut or damaged");
  position_ = position;
}

std::size_t InputFile::read_some(std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const auto piece = static_cast<unsigned>(std::min<std::size_t>(to.size() - done, 1U << 30));
    const int got = gzread(file_.get(), to.data() + done, piece);
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    if (code == Z_ERRNO) throw bad_file(path_, std::string("cannot be read: ") + std::strerror(errno));
    // A compressed stream that stops before its end is a Z_BUF_ERROR, however many bytes came.
    if (code == Z_BUF_ERROR) throw bad_file(path_, "the compressed file is cut");
    if (got < 0 || code != Z_OK)
      throw bad_file(path_, std::string("the compressed file is damaged: ") + text);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  position_ += static_cast<std::int64_t>(done);
  return done;
}

void InputFile::read_at(std::int64_t position, std::span<std::byte> to) {
  seek(position);
  if (read_some(to) != to.size())
    throw bad_file(path_, fmt::format("the file is cut: it ends before byte {}",
                                      position + static_cast<std::int64_t>(to.size())));
}

void InputFile::expect_end(std::int64_t position) {
  seek(position);
  std::byte more{};
  if (read_some({&more, 1}) != 0)
    throw bad_file(path_, fmt::format("holds more than the {} bytes that its header announces", position));
}

bool is_missing(const std::string& path) {
  std::error_code reason;
  return fs::status(path, reason).type() == fs::file_type::not_found;
}

Index checked_product(std::span<const Index> extents, const std::string& path) {
  Index product = 1;
  for (const Index extent : extents)
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product))
      throw bad_file(path, "the header announces an impossible size");
  return product;
}

}  // namespace widegram::io
