#pragma once

#include <petscmat.h>

#include <exception>
#include <span>

#include "solvers/petsc_handles.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// A + ridge I as a PETSc matrix (MATSHELL), for any KSP, and the place where exceptions wait that must not
/// pass through PETSc's C code. `a` must outlive it. Collective over a.comm(); PETSc's solvers may use
/// products with a vector and the diagonal, ours take the operator itself (see of()).
class PetscOperator {
 public:
  PetscOperator(const dist::LinearOperator& a, double ridge);
  PetscOperator(const PetscOperator&) = delete;
  PetscOperator& operator=(const PetscOperator&) = delete;

  Mat get() const { return shell_.get(); }
  const dist::LinearOperator& gram() const { return a_; }
  double ridge() const { return ridge_; }
  /// y <- (A + ridge I) x.
  void apply(MatrixView<const double> x, MatrixView<double> y) const;

  /// After a PETSc call that may have called back: throws what a callback has thrown.
  void rethrow();
  void keep(std::exception_ptr thrown) { kept_ = std::move(thrown); }

  /// The operator behind a PETSc matrix; null where it is none of these.
  static PetscOperator* of(Mat matrix);

 private:
  static PetscErrorCode multiply(Mat shell, Vec x, Vec y);
  static PetscErrorCode diagonal(Mat shell, Vec d);

  const dist::LinearOperator& a_;
  double ridge_;
  MatHandle shell_;
  std::exception_ptr kept_;
};

/// Runs what PETSc calls back. What it throws is kept with the operator behind `matrix`, if there is one, and
/// becomes a PETSc error.
template <class F>
PetscErrorCode called_back(MPI_Comm comm, Mat matrix, F&& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& e) {
    if (PetscOperator* op = PetscOperator::of(matrix)) op->keep(std::current_exception());
    return PetscError(comm, __LINE__, "called_back", __FILE__, PETSC_ERR_LIB, PETSC_ERROR_INITIAL, "%s",
                      e.what());
  }
}

/// A block of vectors, this rank's rows, as a PETSc matrix over the caller's memory, or a copy of it where
/// the view has gaps. n: rows over all ranks. Throws Error(usage) where a rank holds 2^31 numbers or more.
class PetscBlock {
 public:
  PetscBlock(MPI_Comm comm, Index n, MatrixView<const double> values);

  Mat get() const { return matrix_.get(); }

 private:
  Matrix<double> copy_;
  MatHandle matrix_;
};

/// What a PETSc block holds on this rank, for the time of its life.
class BlockRead {
 public:
  explicit BlockRead(Mat block);
  ~BlockRead();
  BlockRead(const BlockRead&) = delete;
  BlockRead& operator=(const BlockRead&) = delete;

  MatrixView<const double> view() const { return view_; }

 private:
  Mat block_;
  MatrixView<const double> view_;
};

class BlockWrite {
 public:
  explicit BlockWrite(Mat block);
  ~BlockWrite();
  BlockWrite(const BlockWrite&) = delete;
  BlockWrite& operator=(const BlockWrite&) = delete;

  MatrixView<double> view() const { return view_; }

 private:
  Mat block_;
  MatrixView<double> view_;
};

/// This rank's part of a vector as a block of one column, for the time of its life.
class VectorRead {
 public:
  explicit VectorRead(Vec vector);
  ~VectorRead();
  VectorRead(const VectorRead&) = delete;
  VectorRead& operator=(const VectorRead&) = delete;

  MatrixView<const double> view() const { return view_; }

 private:
  Vec vector_;
  MatrixView<const double> view_;
};

class VectorWrite {
 public:
  explicit VectorWrite(Vec vector);
  ~VectorWrite();
  VectorWrite(const VectorWrite&) = delete;
  VectorWrite& operator=(const VectorWrite&) = delete;

  MatrixView<double> view() const { return view_; }

 private:
  Vec vector_;
  MatrixView<double> view_;
};

}  // namespace widegram::solvers
