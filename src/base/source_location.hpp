#pragma once

namespace widegram {

/// Where a call stands, as a default argument. As std::source_location, which Clang before 16 does not have.
struct SourceLocation {
  const char* file = "";
  int line = 0;

  static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                          int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace widegram
