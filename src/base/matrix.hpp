#pragma once

#include <vector>

#include "src/base/matrix_view.hpp"

namespace widegram {

/// Column-major matrix that owns its memory, zero at first.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(Index rows, Index cols)
      : rows_(rows), cols_(cols), values_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols)) {}

  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  T* data() { return values_.data(); }
  const T* data() const { return values_.data(); }
  T& operator()(Index i, Index j) { return values_[static_cast<std::size_t>(i + j * rows_)]; }
  const T& operator()(Index i, Index j) const { return values_[static_cast<std::size_t>(i + j * rows_)]; }
  MatrixView<T> view() { return {data(), rows_, cols_}; }
  MatrixView<const T> view() const { return {data(), rows_, cols_}; }
  T* column(Index j) { return data() + j * rows_; }
  const T* column(Index j) const { return data() + j * rows_; }

 private:
  Index rows_ = 0;
  Index cols_ = 0;
  std::vector<T> values_;
};

}  // namespace widegram
