#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "src/base/error.hpp"

/// Fuzz targets: each takes any bytes; what it may do with them is refuse, by an Error of the right kind.
/// Clang's libFuzzer drives them (tests/fuzz/CMakeLists.txt), or replay_main.cpp.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace widegram::fuzz {

/// Any other error, and an error of another code, comes out, and ends the fuzzer.
template <class Work>
void may_be_refused(std::initializer_list<ExitCode> codes, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    for (const ExitCode code : codes)
      if (error.code() == code) return;
    throw;
  }
}

/// Takes numbers and text off the front of the bytes; zeros once they are used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }
  std::size_t below(std::size_t limit) { return byte() % limit; }
  std::string_view text(std::size_t most) {
    const auto part = left_.first(std::min(most, left_.size()));
    left_ = left_.subspan(part.size());
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::string_view rest() { return text(left_.size()); }
  bool empty() const { return left_.empty(); }

 private:
  std::span<const std::uint8_t> left_;
};

/// A folder of this process alone, removed as it ends.
class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "widegram-fuzz-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace widegram::fuzz
