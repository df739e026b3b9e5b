#pragma once

#include <span>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dist {

/// LinearOperator::cheap_vectors() of a matrix whose entries come from a file or are computed anew: with
/// more, the products themselves begin to count.
inline constexpr Index cheap_vectors_unstored = 24;

/// A symmetric n x n matrix that is known by what it does: stored, read from a file, or computed anew at
/// every product. Solvers know a Gram by this alone.
///
/// Vectors lie in contiguous parts: rank r holds the entries layout().range(r), and a block of k vectors is a
/// view of that many rows (none on some ranks) and k columns, whose stride is at least its rows.
///
/// What an implementation owes:
/// - apply(), diagonal() and columns() are collective over comm(): every rank calls them in the same order,
///   with the same k and the same list. An error that one rank meets is brought to all (mpi::collectively)
///   and thrown as a CollectiveError before anyone waits for that rank; a solver passes it on as it is.
/// - apply() treats the k vectors together: it passes over the matrix once a call, whatever k, and needs no
///   more than O(n k) numbers beside it. k may be 0 or 1, or above n.
/// - All three speak of one and the same matrix, and the same call gives the same bits every time. Between
///   rank counts, answers of apply() may differ by rounding; entries from diagonal() and columns() may not.
/// - columns() costs about n x chosen entries, far less than n^2: preconditioners ask for some thousand.
/// - They are const: what a call needs beyond its arguments (buffers, a file's handle) it may keep, but
///   nothing that changes an answer.
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  virtual const mpi::Communicator& comm() const = 0;
  virtual const Partition& layout() const = 0;
  /// y <- A x for a block of vectors; x and y do not overlap.
  virtual void apply(MatrixView<const double> x, MatrixView<double> y) const = 0;
  /// This rank's part of the diagonal.
  virtual std::vector<double> diagonal() const = 0;
  /// This rank's rows of the chosen columns: part().size() x chosen.size(), in the order asked, repeats
  /// allowed. Every index lies in [0, size()).
  virtual Matrix<double> columns(std::span<const GlobalIndex> chosen) const = 0;

  /// Vectors that a product takes in little more than the time of one: as many at least are worth having.
  virtual Index cheap_vectors() const { return 8; }

  GlobalIndex size() const { return layout().extent; }
  Range part() const { return layout().range(comm().rank()); }
};

/// Mean of an operator's diagonal. Collective over a.comm().
double mean_diagonal(const LinearOperator& a);

/// The parts of a block of vectors put together, n x k on every rank. Collective over comm.
Matrix<double> gather_parts(const mpi::Communicator& comm, const Partition& layout,
                            MatrixView<const double> part);

/// A rank's rows of what gather_parts() has put together. Local.
Matrix<double> part_of_whole(const Matrix<double>& whole, Range part);

}  // namespace widegram::dist
