#pragma once

#include <vector>

#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// ScaLAPACK's symmetric eigensolvers. Both read the lower triangle of a, whose entries are finite, and
/// destroy all of it. Collective over the grid. Eigenvalues are ascending and the same bits on every rank.
/// Both throw CollectiveError(numerical) where the iteration of LAPACK does not converge. Source: Blackford
/// et al., ScaLAPACK users' guide; Tisseur and Dongarra, A parallel divide and conquer algorithm for the
/// symmetric eigenvalue problem (1999).

/// Eigenvalues alone. 4/3 n^3 flops over all ranks, half of them limited by memory; no second matrix.
std::vector<double> syev(DistributedMatrix<double>& a);

/// Eigenvalues, and orthonormal eigenvectors in the columns of `vectors`, which is like a. About 4/3 n^3
/// flops for the reduction, up to 8/3 n^3 for the divide and conquer, 2 n^3 to come back. Workspace: two more
/// matrices. Throws CollectiveError(usage) where that workspace passes what ScaLAPACK can address, with the
/// number of ranks that will do.
std::vector<double> syevd(DistributedMatrix<double>& a, DistributedMatrix<double>& vectors);

/// Most entries of the matrix that a rank may hold in syevd(), for plans.
Index most_syevd_entries(GridShape shape, GlobalIndex n, Index block);

}  // namespace widegram::dist
