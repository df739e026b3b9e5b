#pragma once

#include <string>
#include <vector>

#include "io/element_type.hpp"
#include "io/input_file.hpp"
#include "src/base/index.hpp"
#include "src/base/matrix_view.hpp"

namespace widegram::io {

/// One array of numbers in one file, whose first extent counts samples: MNIST's IDX and NumPy's .npy. Not
/// collective. The factories check the header against the file's size; errors are Error(data) naming the
/// file.
class ArrayFile {
 public:
  /// Big-endian array of bytes, integers or floating numbers, plain or .gz.
  /// Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database, "the IDX file format".
  static ArrayFile open_idx(const std::string& path);
  /// Versions 1 to 3, either endianness, in C or Fortran order; structured types, strings and objects are
  /// refused.
  /// Source: NumPy documentation, numpy.lib.format.
  static ArrayFile open_npy(const std::string& path);

  const std::string& path() const { return file_.path(); }
  bool compressed() const { return file_.compressed(); }
  const ElementType& type() const { return type_; }
  const std::vector<Index>& extents() const { return extents_; }
  Index samples() const { return extents_.front(); }
  /// Numbers a sample.
  Index row_size() const { return row_size_; }

  /// A sample a column, in the order in which C stores the extents behind the first, into to: row_size() x
  /// rows.size(). Pixels are not scaled here. Memory: a piece of about 1 MiB.
  void read_rows(Range rows, MatrixView<double> to);

 private:
  ArrayFile(InputFile file, ElementType type, std::vector<Index> extents, Index data_begin,
            bool fortran_order);
  void read_c_order(Range rows, MatrixView<double> to);
  void read_fortran_order(Range rows, MatrixView<double> to);

  InputFile file_;
  ElementType type_;
  std::vector<Index> extents_;
  Index data_begin_ = 0;
  bool fortran_order_ = false;
  Index row_size_ = 0;
};

}  // namespace widegram::io
