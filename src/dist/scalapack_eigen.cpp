#include "src/dist/scalapack_eigen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>

#include "src/mpi/agree.hpp"

extern "C" {
void pdsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia, const int* ja,
             const int* desca, double* w, double* z, const int* iz, const int* jz, const int* descz,
             double* work, const int* lwork, int* info);
void pdsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia, const int* ja,
              const int* desca, double* w, double* z, const int* iz, const int* jz, const int* descz,
              double* work, const int* lwork, int* iwork, const int* liwork, int* info);
}

namespace widegram::dist {
namespace {

constexpr int whole = 1;
constexpr int query = -1;

void check_square(const DistributedMatrix<double>& a) {
  if (a.rows() != a.cols()) throw std::logic_error("only a square matrix has eigenvalues");
}

/// Collective: ranks may see different outcomes where their processors differ.
void check_converged(const mpi::Communicator& comm, const char* routine, int info) {
  if (comm.min(info) < 0) throw std::logic_error(fmt::format("ScaLAPACK's {} refuses an argument", routine));
  if (comm.max(info) > 0)
    throw mpi::CollectiveError(
        ExitCode::numerical,
        fmt::format("the eigenvalues of the Gram matrix did not converge in ScaLAPACK's {} (info {}): check "
                    "that the matrix is symmetric and that its entries are of sensible size",
                    routine, comm.max(info)));
}

/// What a query returned, for an array that is allocated on every rank or on none.
std::vector<double> workspace(const mpi::Communicator& comm, double wanted) {
  return mpi::collectively(comm, [&] {
    return std::vector<double>(
        static_cast<std::size_t>(to_int(std::max<Index>(1, static_cast<Index>(wanted)), "workspace")));
  });
}

/// Numbers of pdsyevd's workspace beside two matrices. It is told to need less than the routines that it
/// calls do: 10 n by itself and the divide and conquer, and pdormtr's panels, of which its query knows
/// nothing.
Index beside_matrices(GridShape shape, GlobalIndex n, Index block) {
  const LocalIndex rows = BlockCyclic{n, block, shape.rows}.local_extent(0);
  const LocalIndex cols = BlockCyclic{n, block, shape.cols}.local_extent(0);
  return 1 + 12 * n + block * (rows + cols + 2 * block);
}

}  // namespace

Index most_syevd_entries(GridShape shape, GlobalIndex n, Index block) {
  return (most_entries_a_rank - beside_matrices(shape, n, block)) / 2;
}

std::vector<double> syev(DistributedMatrix<double>& a) {
  check_square(a);
  const mpi::Communicator& comm = a.grid().comm();
  const Descriptor desc = a.descriptor();
  std::vector<double> values(static_cast<std::size_t>(a.rows()));
  double wanted = 0;
  int info = 0;
  double* const data = a.local().data;
  pdsyev_("N", "L", &desc[2], data, &whole, &whole, desc.data(), values.data(), data, &whole, &whole,
          desc.data(), &wanted, &query, &info);
  std::vector<double> work = workspace(comm, wanted);
  const int length = static_cast<int>(work.size());
  pdsyev_("N", "L", &desc[2], data, &whole, &whole, desc.data(), values.data(), data, &whole, &whole,
          desc.data(), work.data(), &length, &info);
  check_converged(comm, "pdsyev", info);
  comm.broadcast(std::span<double>(values));
  return values;
}

std::vector<double> syevd(DistributedMatrix<double>& a, DistributedMatrix<double>& vectors) {
  check_square(a);
  if (vectors.rows() != a.rows() || vectors.cols() != a.cols() || vectors.block() != a.block() ||
      !vectors.grid().same_as(a.grid()))
    throw std::logic_error("eigenvectors need a matrix that is like the one that they belong to");
  const mpi::Communicator& comm = a.grid().comm();
  mpi::collectively(comm, [&] {
    check_local_entries(a.grid().shape(), a.rows(), a.cols(), a.block(),
                        most_syevd_entries(a.grid().shape(), a.rows(), a.block()));
  });
  const Descriptor desc_a = a.descriptor();
  const Descriptor desc_z = vectors.descriptor();
  std::vector<double> values(static_cast<std::size_t>(a.rows()));
  double* const data = a.local().data;
  double* const z = vectors.local().data;
  double wanted = 0;
  int integers = 0;
  int info = 0;
  pdsyevd_("V", "L", &desc_a[2], data, &whole, &whole, desc_a.data(), values.data(), z, &whole, &whole,
           desc_z.data(), &wanted, &query, &integers, &query, &info);
  const Index held = most_local_entries(a.grid().shape(), a.rows(), a.cols(), a.block());
  const Index needed = 2 * held + beside_matrices(a.grid().shape(), a.rows(), a.block());
  std::vector<double> work = workspace(comm, std::max(wanted, static_cast<double>(needed)));
  std::vector<int> integer_work(static_cast<std::size_t>(std::max(1, integers)));
  const int length = static_cast<int>(work.size());
  pdsyevd_("V", "L", &desc_a[2], data, &whole, &whole, desc_a.data(), values.data(), z, &whole, &whole,
           desc_z.data(), work.data(), &length, integer_work.data(), &integers, &info);
  check_converged(comm, "pdsyevd", info);
  comm.broadcast(std::span<double>(values));
  return values;
}

}  // namespace widegram::dist
