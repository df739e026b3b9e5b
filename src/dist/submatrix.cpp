#include "src/dist/submatrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "src/mpi/agree.hpp"
#include "src/mpi/exchange.hpp"

namespace widegram::dist {
namespace {

constexpr Index buffer_entries = Index{1} << 22;

void check_chosen(std::span<const GlobalIndex> chosen, GlobalIndex extent, const char* what) {
  for (const GlobalIndex i : chosen)
    if (i < 0 || i >= extent)
      throw mpi::CollectiveError(
          ExitCode::usage,
          fmt::format("{} {} is wanted, but there are only {}: mend the list of samples", what, i, extent));
}

/// One dimension's share of what goes from this rank to each place along the grid and comes from there, as
/// local indices in the order of the new matrix. A message is all pairs of a row list and a column list.
struct Routes {
  std::vector<std::vector<LocalIndex>> to;
  std::vector<std::vector<LocalIndex>> from;
};

Routes routes(std::span<const GlobalIndex> chosen, Range part, const BlockCyclic& old_layout,
              const BlockCyclic& new_layout, int mine) {
  Routes r;
  r.to.resize(static_cast<std::size_t>(old_layout.processes));
  r.from.resize(r.to.size());
  for (Index i = part.begin; i < part.end; ++i) {
    const GlobalIndex old = chosen[static_cast<std::size_t>(i)];
    const int source = old_layout.owner(old);
    const int target = new_layout.owner(i);
    if (source == mine) r.to[static_cast<std::size_t>(target)].push_back(old_layout.to_local(old));
    if (target == mine) r.from[static_cast<std::size_t>(source)].push_back(new_layout.to_local(i));
  }
  return r;
}

/// Entries of the messages with all ranks: those of each pair of lists.
mpi::Counts messages(const ProcessGrid& grid, const std::vector<std::vector<LocalIndex>>& rows,
                     const std::vector<std::vector<LocalIndex>>& cols) {
  return {grid.comm().size(), [&](int rank) {
            return static_cast<Index>(rows[static_cast<std::size_t>(rank / grid.cols())].size() *
                                      cols[static_cast<std::size_t>(rank % grid.cols())].size());
          }};
}

/// Visits the entries of all messages in their order: f(place in the buffer, local row, local column).
template <class F>
void for_each_entry(const ProcessGrid& grid, const std::vector<std::vector<LocalIndex>>& rows,
                    const std::vector<std::vector<LocalIndex>>& cols, F&& f) {
  std::size_t place = 0;
  for (int p = 0; p < grid.rows(); ++p)
    for (int q = 0; q < grid.cols(); ++q)
      for (const LocalIndex j : cols[static_cast<std::size_t>(q)])
        for (const LocalIndex i : rows[static_cast<std::size_t>(p)]) f(place++, i, j);
}

}  // namespace

DistributedMatrix<double> submatrix(const DistributedMatrix<double>& a, std::span<const GlobalIndex> rows,
                                    std::span<const GlobalIndex> cols) {
  check_chosen(rows, a.rows(), "row");
  check_chosen(cols, a.cols(), "column");
  const ProcessGrid& grid = a.grid();
  const auto height = static_cast<Index>(rows.size());
  const auto width = static_cast<Index>(cols.size());
  DistributedMatrix<double> b(grid, height, width, a.block());
  const Routes row_routes = routes(rows, {0, height}, a.row_layout(), b.row_layout(), grid.row());
  // A list may ask for one rank's rows alone, so that a round's entries are bounded by those of whole
  // columns.
  const Index stretch = std::max<Index>(1, buffer_entries / std::max<Index>(1, height));
  std::vector<double> outgoing;
  std::vector<double> incoming;
  for (Index begin = 0; begin < width; begin += stretch) {
    const Range part{begin, std::min(width, begin + stretch)};
    const Routes col_routes = routes(cols, part, a.col_layout(), b.col_layout(), grid.col());
    const mpi::Counts sent = messages(grid, row_routes.to, col_routes.to);
    const mpi::Counts received = messages(grid, row_routes.from, col_routes.from);
    outgoing.resize(static_cast<std::size_t>(sent.total()));
    incoming.resize(static_cast<std::size_t>(received.total()));
    for_each_entry(grid, row_routes.to, col_routes.to,
                   [&](std::size_t place, LocalIndex i, LocalIndex j) { outgoing[place] = a.local()(i, j); });
    mpi::check(MPI_Alltoallv(outgoing.data(), sent.counts(), sent.starts(), MPI_DOUBLE, incoming.data(),
                             received.counts(), received.starts(), MPI_DOUBLE, grid.comm().handle()));
    for_each_entry(grid, row_routes.from, col_routes.from,
                   [&](std::size_t place, LocalIndex i, LocalIndex j) { b.local()(i, j) = incoming[place]; });
  }
  return b;
}

}  // namespace widegram::dist
