#pragma once

#include <cstddef>
#include <span>

#include "src/base/index.hpp"

namespace widegram::io {

/// How a file of binary data stores one number.
struct ElementType {
  enum class Kind { unsigned_integer, signed_integer, floating };
  Kind kind = Kind::floating;
  int bytes = 8;
  bool big_endian = false;

  bool is_integer() const { return kind != Kind::floating; }
  /// Pixels as every usual image format has them: read as value / 255, so from 0 to 1.
  bool is_pixel() const { return kind == Kind::unsigned_integer && bytes == 1; }
  friend bool operator==(const ElementType&, const ElementType&) = default;
};

/// to[i] = the i-th number in `raw`, where raw has to.size() numbers. Integers of 64 bits are rounded to
/// double. Floating numbers may have 2, 4 or 8 bytes, integers also 1.
void decode(ElementType type, std::span<const std::byte> raw, std::span<double> to);

}  // namespace widegram::io
