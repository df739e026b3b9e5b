#include "io/array_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/base/error.hpp"

namespace widegram::io {
namespace {

constexpr Index piece_bytes = Index{1} << 20;

/// Offsets, in C order, of the elements of one sample of an array in Fortran order.
std::vector<Index> fortran_offsets(const std::vector<Index>& extents) {
  std::vector<Index> offsets{0};
  Index stride = extents.front();
  for (std::size_t d = 1; d < extents.size(); ++d) {
    std::vector<Index> longer;
    for (const Index offset : offsets)
      for (Index i = 0; i < extents[d]; ++i) longer.push_back(offset + i * stride);
    offsets = std::move(longer);
    stride *= extents[d];
  }
  return offsets;
}

}  // namespace

ArrayFile::ArrayFile(InputFile file, ElementType type, std::vector<Index> extents, Index data_begin,
                     bool fortran_order)
    : file_(std::move(file)),
      type_(type),
      extents_(std::move(extents)),
      data_begin_(data_begin),
      fortran_order_(fortran_order && extents_.size() > 1) {
  row_size_ = checked_product(std::span(extents_).subspan(1), path());
  const Index total[] = {extents_.front(), row_size_, type_.bytes};
  const Index bytes = checked_product(total, path());
  if (bytes == 0) throw Error(ExitCode::data, path() + ": holds no data");
  if (bytes > file_.largest_size() - data_begin_)
    throw Error(
        ExitCode::data,
        fmt::format(
            "{}: the file is cut or its header wrong: {} bytes of data announced, room for {} at most",
            path(), bytes, std::max<Index>(0, file_.largest_size() - data_begin_)));
  if (!file_.compressed()) file_.expect_end(data_begin_ + bytes);
  if (fortran_order_ && file_.compressed())
    throw Error(ExitCode::data, path() + ": an array in Fortran order must be unpacked first (gunzip)");
}

void ArrayFile::read_rows(Range rows, MatrixView<double> to) {
  if (rows.empty()) return;
  if (fortran_order_)
    read_fortran_order(rows, to);
  else
    read_c_order(rows, to);
}

void ArrayFile::read_c_order(Range rows, MatrixView<double> to) {
  const Index row_bytes = row_size_ * type_.bytes;
  const Index rows_a_piece = std::clamp<Index>(piece_bytes / row_bytes, 1, rows.size());
  std::vector<std::byte> raw(static_cast<std::size_t>(rows_a_piece * row_bytes));
  for (Index begin = rows.begin; begin < rows.end; begin += rows_a_piece) {
    const Index count = std::min(rows_a_piece, rows.end - begin);
    const std::span piece(raw.data(), static_cast<std::size_t>(count * row_bytes));
    file_.read_at(data_begin_ + begin * row_bytes, piece);
    for (Index row = 0; row < count; ++row)
      decode(type_,
             piece.subspan(static_cast<std::size_t>(row * row_bytes), static_cast<std::size_t>(row_bytes)),
             {to.column(begin - rows.begin + row), static_cast<std::size_t>(row_size_)});
  }
  if (rows.end == samples()) file_.expect_end(data_begin_ + rows.end * row_bytes);
}

void ArrayFile::read_fortran_order(Range rows, MatrixView<double> to) {
  const auto count = static_cast<std::size_t>(rows.size());
  std::vector<std::byte> raw(count * static_cast<std::size_t>(type_.bytes));
  std::vector<double> values(count);
  const std::vector<Index> offsets = fortran_offsets(extents_);
  for (Index i = 0; i < row_size_; ++i) {
    file_.read_at(data_begin_ + (offsets[static_cast<std::size_t>(i)] + rows.begin) * type_.bytes, raw);
    decode(type_, raw, values);
    for (std::size_t j = 0; j < count; ++j) to(i, static_cast<Index>(j)) = values[j];
  }
}

}  // namespace widegram::io
