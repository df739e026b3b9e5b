#include "src/dist/redistribute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

#include "src/mpi/agree.hpp"
#include "src/mpi/exchange.hpp"

namespace widegram::dist {
namespace {

/// How many values each rank has for this one, of how many this rank has for each.
std::vector<Index> exchange_counts(const mpi::Communicator& comm, const std::vector<Index>& outgoing) {
  std::vector<Index> incoming(outgoing.size());
  mpi::check(MPI_Alltoall(outgoing.data(), 1, MPI_INT64_T, incoming.data(), 1, MPI_INT64_T, comm.handle()));
  return incoming;
}

std::vector<Index> starts_of(const std::vector<Index>& counts) {
  std::vector<Index> starts(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), Index{0});
  return starts;
}

/// One round of an all-to-all: from each peer's list, the items [begin, begin + share) that are there.
mpi::Counts round_of(const std::vector<Index>& counts, Index begin, Index share) {
  return {static_cast<int>(counts.size()), [&](int peer) {
            return std::clamp<Index>(counts[static_cast<std::size_t>(peer)] - begin, 0, share);
          }};
}

/// Who wants what: this rank's wishes sorted by owner, and the wishes of the others for what this rank holds.
struct Wishes {
  std::vector<Index> order;        ///< places in the result, owner by owner
  std::vector<Index> from_counts;  ///< columns that come from each rank
  std::vector<Index> to_counts;    ///< columns that go to each rank
  std::vector<GlobalIndex> asked;  ///< what the others want, rank by rank
};

constexpr Index buffer_bytes = Index{1} << 25;

Wishes exchange_wishes(const mpi::Communicator& comm, const Partition& held,
                       std::span<const GlobalIndex> wanted) {
  Wishes wishes;
  wishes.from_counts.resize(static_cast<std::size_t>(comm.size()));
  std::vector<int> owners(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    owners[i] = held.owner(wanted[i]);
    ++wishes.from_counts[static_cast<std::size_t>(owners[i])];
  }
  wishes.order.resize(wanted.size());
  std::vector<Index> next = starts_of(wishes.from_counts);
  std::vector<GlobalIndex> sorted(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Index place = next[static_cast<std::size_t>(owners[i])]++;
    wishes.order[static_cast<std::size_t>(place)] = static_cast<Index>(i);
    sorted[static_cast<std::size_t>(place)] = wanted[i];
  }
  wishes.to_counts = exchange_counts(comm, wishes.from_counts);
  const Index everything = std::numeric_limits<int>::max();
  const mpi::Counts ask = round_of(wishes.from_counts, 0, everything);
  const mpi::Counts hear = round_of(wishes.to_counts, 0, everything);
  wishes.asked.resize(static_cast<std::size_t>(hear.total()));
  mpi::check(MPI_Alltoallv(sorted.data(), ask.counts(), ask.starts(), MPI_INT64_T, wishes.asked.data(),
                           hear.counts(), hear.starts(), MPI_INT64_T, comm.handle()));
  return wishes;
}

void check_wishes(const mpi::Communicator& comm, const Partition& held, std::span<const GlobalIndex> wanted,
                  Index rows) {
  mpi::agree(comm, [&]() -> std::optional<Error> {
    for (const GlobalIndex i : wanted)
      if (i < 0 || i >= held.extent)
        return Error(ExitCode::usage,
                     fmt::format("sample {} is wanted, but there are only {}", i, held.extent));
    return std::nullopt;
  }());
  if (comm.max(rows) != comm.min(rows)) throw std::logic_error("ranks hold samples of different sizes");
}

}  // namespace

template <class T>
Matrix<T> fetch_columns(const mpi::Communicator& comm, MatrixView<const T> local, const Partition& held,
                        std::span<const GlobalIndex> wanted) {
  check_wishes(comm, held, wanted, local.rows);
  const Wishes wishes = exchange_wishes(comm, held, wanted);
  const std::vector<Index> from_starts = starts_of(wishes.from_counts);
  const std::vector<Index> to_starts = starts_of(wishes.to_counts);
  const mpi::GroupType<T> column(local.rows);
  const Index column_bytes = std::max<Index>(1, local.rows * static_cast<Index>(sizeof(T)));
  const Index share = std::max<Index>(1, buffer_bytes / column_bytes / comm.size());
  const Index first_held = held.range(comm.rank()).begin;
  const Index longest =
      comm.max(std::max(*std::max_element(wishes.from_counts.begin(), wishes.from_counts.end()),
                        *std::max_element(wishes.to_counts.begin(), wishes.to_counts.end())));
  struct Buffers {
    Matrix<T> result;
    std::vector<T> outgoing;
    std::vector<T> incoming;
  };
  Buffers b = mpi::collectively(comm, [&] {
    return Buffers{Matrix<T>(local.rows, static_cast<Index>(wanted.size())), {}, {}};
  });
  for (Index begin = 0; begin < longest; begin += share) {
    const mpi::Counts to = round_of(wishes.to_counts, begin, share);
    const mpi::Counts from = round_of(wishes.from_counts, begin, share);
    b.outgoing.resize(static_cast<std::size_t>(to.total() * local.rows));
    b.incoming.resize(static_cast<std::size_t>(from.total() * local.rows));
    T* next = b.outgoing.data();
    for (std::size_t peer = 0; peer < to_starts.size(); ++peer)
      for (Index i = 0; i < to.counts()[peer]; ++i, next += local.rows) {
        const GlobalIndex sample = wishes.asked[static_cast<std::size_t>(to_starts[peer] + begin + i)];
        std::copy_n(local.column(sample - first_held), local.rows, next);
      }
    mpi::check(MPI_Alltoallv(b.outgoing.data(), to.counts(), to.starts(), column.get(), b.incoming.data(),
                             from.counts(), from.starts(), column.get(), comm.handle()));
    const T* arrived = b.incoming.data();
    for (std::size_t peer = 0; peer < from_starts.size(); ++peer)
      for (Index i = 0; i < from.counts()[peer]; ++i, arrived += local.rows)
        std::copy_n(arrived, local.rows,
                    b.result.column(wishes.order[static_cast<std::size_t>(from_starts[peer] + begin + i)]));
  }
  return std::move(b.result);
}

template <class T>
DistributedMatrix<T> to_block_cyclic(const ProcessGrid& grid, MatrixView<const T> local,
                                     const Partition& held, Index block) {
  DistributedMatrix<T> matrix(grid, held.extent, local.rows, block);
  std::vector<GlobalIndex> wanted;
  if (matrix.local_cols() > 0) {
    wanted.resize(static_cast<std::size_t>(matrix.local_rows()));
    for (LocalIndex i = 0; i < matrix.local_rows(); ++i)
      wanted[static_cast<std::size_t>(i)] = matrix.global_row(i);
  }
  const Matrix<T> rows = fetch_columns<T>(grid.comm(), local, held, wanted);
  const MatrixView<T> mine = matrix.local();
  for (LocalIndex j = 0; j < mine.cols; ++j)
    for (LocalIndex i = 0; i < mine.rows; ++i) mine(i, j) = rows(matrix.global_col(j), i);
  return matrix;
}

template <class T>
Matrix<T> gather(const DistributedMatrix<T>& a) {
  const ProcessGrid& grid = a.grid();
  struct Buffers {
    Matrix<T> whole;
    std::vector<T> part;
  };
  Buffers b = mpi::collectively(grid.comm(), [&] {
    return Buffers{Matrix<T>(a.rows(), a.cols()), std::vector<T>(static_cast<std::size_t>(most_local_entries(
                                                      grid.shape(), a.rows(), a.cols(), a.block())))};
  });
  for (int row = 0; row < grid.rows(); ++row)
    for (int col = 0; col < grid.cols(); ++col) {
      const LocalIndex rows = a.row_layout().local_extent(row);
      const LocalIndex cols = a.col_layout().local_extent(col);
      const int root = grid.rank_of(row, col);
      if (grid.comm().rank() == root) std::copy_n(a.local().data, rows * cols, b.part.data());
      grid.comm().broadcast(std::span<T>(b.part.data(), static_cast<std::size_t>(rows * cols)), root);
      for (LocalIndex j = 0; j < cols; ++j)
        for (LocalIndex i = 0; i < rows; ++i)
          b.whole(a.row_layout().to_global(i, row), a.col_layout().to_global(j, col)) =
              b.part[static_cast<std::size_t>(i + j * rows)];
    }
  return std::move(b.whole);
}

template <class T>
void scatter(MatrixView<const T> whole, DistributedMatrix<T>& a) {
  const MatrixView<T> mine = a.local();
  for (LocalIndex j = 0; j < mine.cols; ++j)
    for (LocalIndex i = 0; i < mine.rows; ++i) mine(i, j) = whole(a.global_row(i), a.global_col(j));
}

template Matrix<float> fetch_columns(const mpi::Communicator&, MatrixView<const float>, const Partition&,
                                     std::span<const GlobalIndex>);
template Matrix<double> fetch_columns(const mpi::Communicator&, MatrixView<const double>, const Partition&,
                                      std::span<const GlobalIndex>);
template DistributedMatrix<float> to_block_cyclic(const ProcessGrid&, MatrixView<const float>,
                                                  const Partition&, Index);
template DistributedMatrix<double> to_block_cyclic(const ProcessGrid&, MatrixView<const double>,
                                                   const Partition&, Index);
template Matrix<float> gather(const DistributedMatrix<float>&);
template Matrix<double> gather(const DistributedMatrix<double>&);
template void scatter(MatrixView<const float>, DistributedMatrix<float>&);
template void scatter(MatrixView<const double>, DistributedMatrix<double>&);

}  // namespace widegram::dist
