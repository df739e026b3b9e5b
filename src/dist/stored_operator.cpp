#include "src/dist/stored_operator.hpp"

#include <cblas.h>

#include <algorithm>
#include <stdexcept>

#include "src/base/aligned_vector.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/symmetric_product.hpp"
#include "src/mpi/exchange.hpp"

namespace widegram::dist {
namespace {

/// With more vectors than these a product is no longer limited by memory, and dgemm is the faster.
constexpr Index few_vectors = 32;

/// Where the indices below `bound` end among those that a process holds.
LocalIndex held_below(const BlockCyclic& map, int process, GlobalIndex bound) {
  return BlockCyclic{bound, map.block, map.processes}.local_extent(process);
}

/// How many indices of `range` the process holds. They follow each other there.
Index held_in(const BlockCyclic& map, int process, Range range) {
  return held_below(map, process, range.end) - held_below(map, process, range.begin);
}

/// Calls f(first, count) for each run of indices in `range` that follow each other and that the process
/// holds, ascending, with `first` counted from the start of the range.
template <class F>
void for_each_run(const BlockCyclic& map, int process, Range range, F&& f) {
  for (GlobalIndex begin = range.begin; begin < range.end;) {
    const GlobalIndex end = std::min(range.end, (begin / map.block + 1) * map.block);
    if (map.owner(begin) == process) f(begin - range.begin, end - begin);
    begin = end;
  }
}

void exchange(const mpi::Communicator& comm, const double* out, const mpi::Counts& to, double* in,
              const mpi::Counts& from, MPI_Datatype item) {
  mpi::check(MPI_Alltoallv(out, to.counts(), to.starts(), item, in, from.counts(), from.starts(), item,
                           comm.handle()));
}

}  // namespace

StoredOperator::Side StoredOperator::side(bool rows) const {
  return rows ? Side{a_.row_layout(), a_.grid().row(), true} : Side{a_.col_layout(), a_.grid().col(), false};
}

int StoredOperator::place(const Side& side, int rank) const {
  return side.rows ? rank / a_.grid().cols() : rank % a_.grid().cols();
}

/// The rows of x that face this rank's rows or columns, a row of x a column. Both lists ascend and parts are
/// contiguous, so what arrives, rank after rank, is in place.
Matrix<double> StoredOperator::facing(const Side& side, MatrixView<const double> x) const {
  const Range mine = part();
  const mpi::Counts to(comm().size(), [&](int rank) { return held_in(side.map, place(side, rank), mine); });
  const mpi::Counts from(comm().size(),
                         [&](int rank) { return held_in(side.map, side.mine, layout_.range(rank)); });
  Matrix<double> outgoing(x.cols, to.total());
  Index next = 0;
  for (int rank = 0; rank < comm().size(); ++rank)
    for_each_run(side.map, place(side, rank), mine, [&](Index first, Index count) {
      for (Index k = 0; k < x.cols; ++k)
        for (Index i = 0; i < count; ++i) outgoing(k, next + i) = x(first + i, k);
      next += count;
    });
  Matrix<double> arrived(x.cols, from.total());
  exchange(comm(), outgoing.data(), to, arrived.data(), from, mpi::GroupType<double>(x.cols).get());
  return arrived;
}

/// Adds up what the ranks have for the same rows (columns) and leaves every rank its part. products: a
/// vector's row a column, which may have more entries than there are vectors.
void StoredOperator::add_to_parts(const Side& side, const Matrix<double>& products,
                                  MatrixView<double> y) const {
  const Range mine = part();
  const mpi::Counts to(comm().size(),
                       [&](int rank) { return held_in(side.map, side.mine, layout_.range(rank)); });
  const mpi::Counts from(comm().size(), [&](int rank) { return held_in(side.map, place(side, rank), mine); });
  Matrix<double> outgoing(y.cols, products.cols());
  for (Index i = 0; i < products.cols(); ++i) std::copy_n(products.column(i), y.cols, outgoing.column(i));
  Matrix<double> incoming(y.cols, from.total());
  exchange(comm(), outgoing.data(), to, incoming.data(), from, mpi::GroupType<double>(y.cols).get());
  Index next = 0;
  for (int rank = 0; rank < comm().size(); ++rank)
    for_each_run(side.map, place(side, rank), mine, [&](Index first, Index count) {
      for (Index k = 0; k < y.cols; ++k)
        for (Index i = 0; i < count; ++i) y(first + i, k) += incoming(k, next + i);
      next += count;
    });
}

void StoredOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  for (Index k = 0; k < y.cols; ++k) std::fill_n(y.column(k), y.rows, 0.0);
  if (x.cols == 0) return;
  if (x.cols <= few_vectors)
    multiply_few(x, y);
  else
    multiply_many(x, y);
}

void StoredOperator::multiply_few(MatrixView<const double> x, MatrixView<double> y) const {
  const Index width = round_up(x.cols, vector_granule);
  const auto padded = [&](const Matrix<double>& vectors) {
    AlignedVector<double> out(static_cast<std::size_t>(width * vectors.cols()));
    for (Index i = 0; i < vectors.cols(); ++i)
      std::copy_n(vectors.column(i), vectors.rows(), out.data() + width * i);
    return out;
  };
  const Side rows = side(true);
  const Side cols = side(false);
  const AlignedVector<double> x_rows = padded(facing(rows, x));
  const AlignedVector<double> x_cols = padded(facing(cols, x));
  Matrix<double> y_rows(width, a_.local_rows());
  Matrix<double> y_cols(width, a_.local_cols());
  const Index block = a_.block();
  for (LocalIndex j = 0; j < a_.local_cols(); j += block)
    for (LocalIndex i = 0; i < a_.local_rows(); i += block) {
      const GlobalIndex row = a_.global_row(i);
      const GlobalIndex col = a_.global_col(j);
      if (row < col) continue;
      FacingVectors vectors{.width = width,
                            .x_of_cols = x_cols.data() + width * j,
                            .y_of_rows = y_rows.column(i),
                            .x_of_rows = nullptr,
                            .y_of_cols = nullptr};
      if (row > col) {
        vectors.x_of_rows = x_rows.data() + width * i;
        vectors.y_of_cols = y_cols.column(j);
      }
      add_tile_products(a_.local().block({i, std::min(i + block, a_.local_rows())},
                                         {j, std::min(j + block, a_.local_cols())}),
                        vectors);
    }
  add_to_parts(rows, y_rows, y);
  add_to_parts(cols, y_cols, y);
}

void StoredOperator::multiply_many(MatrixView<const double> x, MatrixView<double> y) const {
  const MatrixView<const double> a = a_.local();
  const Matrix<double> x_cols = facing(side(false), x);
  Matrix<double> products(x.cols, a.rows);
  if (!a.empty())
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, to_int(x.cols, "vectors"), static_cast<int>(a.rows),
                static_cast<int>(a.cols), 1.0, x_cols.data(), static_cast<int>(x.cols), a.data,
                static_cast<int>(a.stride), 0.0, products.data(), static_cast<int>(x.cols));
  add_to_parts(side(true), products, y);
}

std::vector<double> StoredOperator::diagonal() const {
  const ProcessGrid& grid = a_.grid();
  std::vector<std::vector<double>> for_rank(static_cast<std::size_t>(grid.comm().size()));
  for_each_diagonal(a_, [&](GlobalIndex i, double entry) {
    for_rank[static_cast<std::size_t>(layout_.owner(i))].push_back(entry);
  });
  const BlockCyclic& rows = a_.row_layout();
  const BlockCyclic& cols = a_.col_layout();
  const Range mine = part();
  std::vector<std::vector<Index>> places(for_rank.size());
  for (GlobalIndex i = mine.begin; i < mine.end; ++i)
    places[static_cast<std::size_t>(grid.rank_of(rows.owner(i), cols.owner(i)))].push_back(i - mine.begin);
  const auto size_in = [](const auto& lists) {
    return [&lists](int rank) { return static_cast<Index>(lists[static_cast<std::size_t>(rank)].size()); };
  };
  const mpi::Counts to(grid.comm().size(), size_in(for_rank));
  const mpi::Counts from(grid.comm().size(), size_in(places));
  std::vector<double> outgoing;
  for (const std::vector<double>& entries : for_rank)
    outgoing.insert(outgoing.end(), entries.begin(), entries.end());
  std::vector<double> incoming(static_cast<std::size_t>(from.total()));
  exchange(grid.comm(), outgoing.data(), to, incoming.data(), from, MPI_DOUBLE);
  std::vector<double> diagonal(static_cast<std::size_t>(mine.size()));
  auto next = incoming.begin();
  for (const std::vector<Index>& of_rank : places)
    for (const Index place : of_rank) diagonal[static_cast<std::size_t>(place)] = *next++;
  return diagonal;
}

Matrix<double> StoredOperator::columns(std::span<const GlobalIndex> chosen) const {
  return columns_in_parts(a_, layout_, chosen);
}

namespace {

/// So few that no message count passes 32 bits.
void fetch_columns(const DistributedMatrix<double>& a, const Partition& layout,
                   std::span<const GlobalIndex> chosen, MatrixView<double> out) {
  const ProcessGrid& grid = a.grid();
  const BlockCyclic& rows = a.row_layout();
  const BlockCyclic& cols = a.col_layout();
  const Range mine = layout.range(grid.comm().rank());
  std::vector<std::vector<Index>> places(static_cast<std::size_t>(grid.cols()));
  for (std::size_t j = 0; j < chosen.size(); ++j)
    places[static_cast<std::size_t>(cols.owner(chosen[j]))].push_back(static_cast<Index>(j));
  const auto places_of = [&](int grid_col) -> const std::vector<Index>& {
    return places[static_cast<std::size_t>(grid_col)];
  };
  const auto width = [&](int grid_col) { return static_cast<Index>(places_of(grid_col).size()); };
  const mpi::Counts to(grid.comm().size(), [&](int rank) {
    return held_in(rows, grid.row(), layout.range(rank)) * width(grid.col());
  });
  const mpi::Counts from(grid.comm().size(), [&](int rank) {
    return held_in(rows, rank / grid.cols(), mine) * width(rank % grid.cols());
  });
  std::vector<double> outgoing;
  outgoing.reserve(static_cast<std::size_t>(to.total()));
  for (int rank = 0; rank < grid.comm().size(); ++rank) {
    const Range theirs = layout.range(rank);
    const LocalIndex first = held_below(rows, grid.row(), theirs.begin);
    const LocalIndex end = held_below(rows, grid.row(), theirs.end);
    for (const Index j : places_of(grid.col())) {
      const double* column = a.local().column(cols.to_local(chosen[static_cast<std::size_t>(j)]));
      outgoing.insert(outgoing.end(), column + first, column + end);
    }
  }
  std::vector<double> incoming(static_cast<std::size_t>(from.total()));
  exchange(grid.comm(), outgoing.data(), to, incoming.data(), from, MPI_DOUBLE);
  const double* next = incoming.data();
  for (int rank = 0; rank < grid.comm().size(); ++rank)
    for (const Index j : places_of(rank % grid.cols()))
      for_each_run(rows, rank / grid.cols(), mine, [&](Index first, Index count) {
        std::copy_n(next, count, out.column(j) + first);
        next += count;
      });
}

}  // namespace

Matrix<double> columns_in_parts(const DistributedMatrix<double>& a, const Partition& layout,
                                std::span<const GlobalIndex> chosen) {
  constexpr Index buffer_entries = Index{1} << 24;
  for (const GlobalIndex j : chosen)
    if (j < 0 || j >= a.cols()) throw std::logic_error("a column is chosen that is not there");
  Matrix<double> out(layout.range(a.grid().comm().rank()).size(), static_cast<Index>(chosen.size()));
  // What a rank sends at a time is at most its local rows of the batch, what it receives its part of them.
  const auto batch =
      static_cast<std::size_t>(std::max<Index>(1, buffer_entries / std::max<Index>(1, a.rows())));
  for (std::size_t begin = 0; begin < chosen.size(); begin += batch) {
    const std::size_t count = std::min(batch, chosen.size() - begin);
    fetch_columns(
        a, layout, chosen.subspan(begin, count),
        out.view().block({0, out.rows()}, {static_cast<Index>(begin), static_cast<Index>(begin + count)}));
  }
  return out;
}

}  // namespace widegram::dist
