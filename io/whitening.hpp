#pragma once

#include "src/base/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// The ZCA transform W = (C + eps m I)^(-1/2) of centred samples, where C = X X^T / N is their covariance and
/// m the mean of its eigenvalues (the mean variance of a feature). W is symmetric, features x features, and
/// replicated.
/// Source: A. Bell, T. Sejnowski, The "independent components" of natural scenes are edge filters, Vision
/// Research 37 (1997).
///
/// centred: features x local samples, spread over comm by a partition of granule 64; N samples in all.
/// Collective; all ranks throw, or none. The bits do not depend on the number of ranks: samples are broadcast
/// in groups of 64 in global order, each rank multiplies the columns of C that are its own in blocks of 64,
/// and rank 0 alone computes the eigenvectors.
/// Cost: N D^2 / P multiply-adds, D^3 on rank 0; memory: a few D^2 on rank 0, D^2 on the others.
/// Throws Error(data) where C is singular and eps 0, or where all samples are equal; Error(usage) for more
/// than 30,000 features.
Matrix<double> whitening_transform(const mpi::Communicator& comm, const Matrix<double>& centred,
                                   Index samples, double eps);

/// x <- W x for each local sample, in groups of 64.
void apply_whitening(const Matrix<double>& transform, MatrixView<double> inputs);

}  // namespace widegram::io
