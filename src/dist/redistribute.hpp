#pragma once

#include <span>

#include "src/base/matrix.hpp"
#include "src/dist/matrix.hpp"
#include "src/dist/partition.hpp"

namespace widegram::dist {

/// Samples that this rank asks for, a column each and in the order asked (repeats allowed), from samples held
/// in contiguous ranges: `local` is features x held.range(rank).size(), with the same number of features on
/// every rank, also where it holds no sample. Collective over `comm`, whose size is held.ranks; each rank
/// asks for what it wants, which may be nothing. Each wish costs one column of traffic; buffers stay below
/// about 64 MiB a rank beside the result. Columns and entries may pass 2^31 over all ranks. Throws
/// Error(usage) on all ranks where one asks for a sample that is not there.
template <class T>
Matrix<T> fetch_columns(const mpi::Communicator& comm, MatrixView<const T> local, const Partition& held,
                        std::span<const GlobalIndex> wanted);

/// Targets held a sample a column (k x held.range(rank).size() on each rank) as an n x k matrix on the grid.
/// Collective over the grid, whose ranks are those of `held`. For k far below n: a rank holds all k targets
/// of its rows for the time of the call.
template <class T>
DistributedMatrix<T> to_block_cyclic(const ProcessGrid& grid, MatrixView<const T> local,
                                     const Partition& held, Index block = default_block);

/// The whole matrix on every rank: for n x k results and tests. Collective over the grid; each rank receives
/// rows x cols entries and holds them, so never for a matrix that is square and large.
template <class T>
Matrix<T> gather(const DistributedMatrix<T>& a);

/// Sets `a` from a copy of the whole matrix that every rank has. No communication.
template <class T>
void scatter(MatrixView<const T> whole, DistributedMatrix<T>& a);

}  // namespace widegram::dist
