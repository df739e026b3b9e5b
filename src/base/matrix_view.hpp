#pragma once

#include <type_traits>

#include "src/base/index.hpp"

namespace widegram {

/// Column-major window on memory that somebody else owns: element (i, j) is data[i + j * stride].
/// A set of n samples with d features is a d x n matrix: a sample a column.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  MatrixView() = default;
  MatrixView(T* data_, Index rows_, Index cols_) : MatrixView(data_, rows_, cols_, rows_) {}
  MatrixView(T* data_, Index rows_, Index cols_, Index stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {}

  T& operator()(Index i, Index j) const { return data[i + j * stride]; }
  T* column(Index j) const { return data + j * stride; }
  bool empty() const { return rows == 0 || cols == 0; }
  MatrixView block(Range r, Range c) const {
    return {data + r.begin + c.begin * stride, r.size(), c.size(), stride};
  }
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

}  // namespace widegram
