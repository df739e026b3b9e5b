#pragma once

#include "src/base/matrix.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// Sizes that make ranks idle, blocks short and one block the whole matrix.
struct Size {
  GlobalIndex n;
  Index block;
};
inline constexpr Size sizes[] = {{1, 4}, {4, 4}, {5, 4}, {23, 4}, {64, 8}, {65, 8}, {10, 64}};

/// A number that names its row and column.
template <class T>
T named_entry(GlobalIndex i, GlobalIndex j) {
  return static_cast<T>(1000 * i + j + 1);
}

/// rows x cols, entry (i, j) = f(i, j).
template <class T, class F>
Matrix<T> filled(GlobalIndex rows, GlobalIndex cols, F&& f) {
  Matrix<T> a(rows, cols);
  for (GlobalIndex j = 0; j < cols; ++j)
    for (GlobalIndex i = 0; i < rows; ++i) a(i, j) = static_cast<T>(f(i, j));
  return a;
}

}  // namespace widegram::dist
