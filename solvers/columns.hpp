#pragma once

#include <span>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dist/matrix.hpp"
#include "src/dist/partition.hpp"

namespace widegram::solvers {

/// Sums over the whole columns of distributed matrices: a number a column, the same bits on every rank. All
/// are collective over the grid and read each entry once.

/// Inner products of the columns of a with those of b, which is like a.
std::vector<double> column_products(const dist::DistributedMatrix<double>& a,
                                    const dist::DistributedMatrix<double>& b);

/// Sums of weights[row] a(row, col)^2; an empty list of weights stands for ones.
std::vector<double> column_squares(const dist::DistributedMatrix<double>& a,
                                   std::span<const double> weights = {});

/// The same of blocks in parts, this rank's rows of a and b. Collective over comm.
std::vector<double> column_products(const mpi::Communicator& comm, MatrixView<const double> a,
                                    MatrixView<const double> b);

/// This rank's rows, by `layout`, of these columns.
Matrix<double> part_of(const dist::DistributedMatrix<double>& a, const dist::Partition& layout,
                       Range columns);

}  // namespace widegram::solvers
