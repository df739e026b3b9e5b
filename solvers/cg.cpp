#include "solvers/cg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "solvers/checks.hpp"
#include "solvers/petsc_handles.hpp"
#include "src/base/timer.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"

namespace widegram::solvers {
namespace {

/// Runs what PETSc calls back. An exception must not pass through PETSc's C code: it is kept here and thrown
/// again outside.
class Callbacks {
 public:
  template <class F>
  PetscErrorCode run(F&& work) {
    try {
      work();
      return 0;
    } catch (...) {
      kept_ = std::current_exception();
      return PETSC_ERR_LIB;
    }
  }

  /// Checks a PETSc call that may have called back: an exception kept on the way goes first.
  void check(PetscErrorCode code) {
    if (kept_) std::rethrow_exception(std::exchange(kept_, nullptr));
    petsc::check(code);
  }

 private:
  std::exception_ptr kept_;
};

/// A + ridge I as PETSc sees it.
class ShellMatrix {
 public:
  ShellMatrix(const dist::LinearOperator& a, double ridge, Callbacks& callbacks)
      : a_(a), ridge_(ridge), callbacks_(callbacks) {
    const PetscInt part = to_int(a.part().size(), "part of a vector");
    const PetscInt n = to_int(a.size(), "length of a vector");
    petsc::check(MatCreateShell(a.comm().handle(), part, part, n, n, this, shell_.out()));
    petsc::check(MatShellSetOperation(shell_.get(), MATOP_MULT, reinterpret_cast<void (*)()>(&multiply)));
    petsc::check(
        MatShellSetOperation(shell_.get(), MATOP_GET_DIAGONAL, reinterpret_cast<void (*)()>(&diagonal)));
    petsc::check(MatSetOption(shell_.get(), MAT_SYMMETRIC, PETSC_TRUE));
  }
  ShellMatrix(const ShellMatrix&) = delete;
  ShellMatrix& operator=(const ShellMatrix&) = delete;

  Mat get() const { return shell_.get(); }

 private:
  static PetscErrorCode multiply(Mat shell, Vec x, Vec y) {
    return called(shell, [&](const ShellMatrix& self) {
      const Index rows = self.a_.part().size();
      const double* x_values = nullptr;
      double* y_values = nullptr;
      petsc::check(VecGetArrayRead(x, &x_values));
      petsc::check(VecGetArrayWrite(y, &y_values));
      self.a_.apply({x_values, rows, 1}, {y_values, rows, 1});
      for (Index i = 0; i < rows; ++i) y_values[i] += self.ridge_ * x_values[i];
      petsc::check(VecRestoreArrayWrite(y, &y_values));
      petsc::check(VecRestoreArrayRead(x, &x_values));
    });
  }

  static PetscErrorCode diagonal(Mat shell, Vec d) {
    return called(shell, [&](const ShellMatrix& self) {
      const std::vector<double> part = self.a_.diagonal();
      double* values = nullptr;
      petsc::check(VecGetArrayWrite(d, &values));
      std::transform(part.begin(), part.end(), values, [&](double entry) { return entry + self.ridge_; });
      petsc::check(VecRestoreArrayWrite(d, &values));
    });
  }

  template <class F>
  static PetscErrorCode called(Mat shell, F&& work) {
    ShellMatrix* self = nullptr;
    if (const PetscErrorCode code = MatShellGetContext(shell, &self); code != 0) return code;
    return self->callbacks_.run([&] { work(*self); });
  }

  const dist::LinearOperator& a_;
  double ridge_;
  Callbacks& callbacks_;
  MatHandle shell_;
};

/// Tells an observer how far the columns have come, iteration by iteration.
class ColumnProgress {
 public:
  ColumnProgress(const WorkObserver& observer, Index columns, Callbacks& callbacks)
      : observer_(observer), total_(columns * cg_steps_a_column), callbacks_(callbacks) {
    tell(0);
  }
  ColumnProgress(const ColumnProgress&) = delete;
  ColumnProgress& operator=(const ColumnProgress&) = delete;

  /// Listens to a solver, which must not outlive it.
  void watch(KSP ksp) {
    if (observer_) petsc::check(KSPMonitorSet(ksp, &iteration, this, nullptr));
  }
  void column_done() {
    ++columns_done_;
    in_column_ = 0;
    tell(columns_done_ * cg_steps_a_column);
  }

 private:
  static PetscErrorCode iteration(KSP ksp, PetscInt k, PetscReal residual, void* self) {
    auto& progress = *static_cast<ColumnProgress*>(self);
    return progress.callbacks_.run([&] { progress.iterated(ksp, k, residual); });
  }

  void iterated(KSP ksp, PetscInt k, double residual) {
    if (k == 0) first_residual_ = residual;
    PetscReal tolerance = 0;
    PetscInt most_iterations = 0;
    petsc::check(KSPGetTolerances(ksp, &tolerance, nullptr, nullptr, &most_iterations));
    const double iterations = static_cast<double>(k) / std::max<PetscInt>(most_iterations, 1);
    const bool falls = residual > 0 && residual < first_residual_ && tolerance > 0 && tolerance < 1;
    const double decades = falls ? std::log(residual / first_residual_) / std::log(tolerance) : 0;
    // The residual may rise on the way, and the last step belongs to the end of the column.
    const double share = std::min(std::max(iterations, decades), 1.0);
    in_column_ = std::max(in_column_, static_cast<Index>(share * (cg_steps_a_column - 1)));
    tell(columns_done_ * cg_steps_a_column + in_column_);
  }

  void tell(Index done) const {
    if (observer_) observer_(done, total_);
  }

  const WorkObserver& observer_;
  Index total_;
  Callbacks& callbacks_;
  Index columns_done_ = 0;
  Index in_column_ = 0;
  double first_residual_ = 0;
};

/// The user's options can ask for what there is not. All ranks hold the same ones.
void accept_options(PetscErrorCode code) {
  if (code != 0)
    throw mpi::CollectiveError(ExitCode::usage,
                               "PETSc refuses an option of [petsc] or behind --: " + petsc::message(code));
}

KspHandle make_cg(const dist::LinearOperator& a, ShellMatrix& shell, const CgOptions& options) {
  KspHandle ksp;
  petsc::check(KSPCreate(a.comm().handle(), ksp.out()));
  petsc::check(KSPSetOperators(ksp.get(), shell.get(), shell.get()));
  petsc::check(KSPSetType(ksp.get(), KSPCG));
  PC pc = nullptr;
  petsc::check(KSPGetPC(ksp.get(), &pc));
  petsc::check(PCSetType(pc, PCNONE));
  // The tolerance speaks of the residual itself, whatever the preconditioner.
  petsc::check(KSPSetNormType(ksp.get(), KSP_NORM_UNPRECONDITIONED));
  petsc::check(KSPSetTolerances(ksp.get(), options.tolerance, PETSC_DEFAULT, PETSC_DEFAULT,
                                to_int(options.max_iterations, "max_iterations")));
  accept_options(KSPSetFromOptions(ksp.get()));
  accept_options(KSPSetUp(ksp.get()));
  return ksp;
}

/// The recurrence alone may claim what the true residual does not show.
void check_residual(KSP ksp, Index column, double residual) {
  PetscReal tolerance = 0;
  PetscReal absolute = 0;
  petsc::check(KSPGetTolerances(ksp, &tolerance, &absolute, nullptr, nullptr));
  constexpr double slack = 10.0;
  constexpr double unset = 1e-50;  // PETSc's own -ksp_atol; with a larger one the user has asked for less
  if (residual <= slack * tolerance || absolute > unset) return;
  throw mpi::CollectiveError(ExitCode::numerical,
                             fmt::format("conjugate gradients on target column {}: the true relative "
                                         "residual is {:.3g} where {:.3g} was asked for: "
                                         "the tolerance is finer than the matrix allows in double precision, "
                                         "or the solver did not iterate; raise "
                                         "the tolerance or the ridge, or use method = \"cholesky\"",
                                         column, residual, static_cast<double>(tolerance)));
}

/// Throws where the solver has stopped without an answer. What PETSc says is the same on every rank.
void check_converged(KSP ksp, Index column) {
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
  PetscInt iterations = 0;
  PetscReal residual = 0;
  petsc::check(KSPGetConvergedReason(ksp, &reason));
  if (reason > 0) return;
  petsc::check(KSPGetIterationNumber(ksp, &iterations));
  petsc::check(KSPGetResidualNorm(ksp, &residual));
  const std::string where =
      fmt::format("conjugate gradients on target column {}: after {} iterations (residual {:.3g})", column,
                  static_cast<Index>(iterations), static_cast<double>(residual));
  if (reason == KSP_DIVERGED_INDEFINITE_MAT)
    throw mpi::CollectiveError(
        ExitCode::numerical,
        where +
            " the matrix turned out not to be positive definite; raise the ridge, or factor it "
            "with method = \"cholesky\" to learn the smallest ridge that helps");
  throw mpi::CollectiveError(
      ExitCode::numerical,
      where + fmt::format(" no convergence ({}); raise the ridge or max_iterations, loosen the "
                          "tolerance, try -pc_type jacobi, or method = \"cholesky\"",
                          KSPConvergedReasons[reason]));
}

/// |b - (A + ridge I) x| / |b| from the parts of this rank.
double relative_residual(const dist::LinearOperator& a, double ridge, std::span<const double> b,
                         std::span<const double> x) {
  const auto rows = static_cast<Index>(x.size());
  std::vector<double> product(x.size());
  a.apply({x.data(), rows, 1}, {product.data(), rows, 1});
  double residual_sum = 0;
  double b_sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double residual = b[i] - product[i] - ridge * x[i];
    residual_sum += residual * residual;
    b_sum += b[i] * b[i];
  }
  residual_sum = a.comm().sum(residual_sum);
  b_sum = a.comm().sum(b_sum);
  return std::sqrt(residual_sum) / (b_sum > 0 ? std::sqrt(b_sum) : 1.0);
}

}  // namespace

RegressionFit solve_cg(const dist::LinearOperator& a, double ridge, MatrixView<const double> targets,
                       const CgOptions& options) {
  check_ridge(ridge);
  RegressionFit fit;
  fit.ridge = ridge;
  fit.alpha = Matrix<double>(targets.rows, targets.cols);
  Callbacks callbacks;
  ShellMatrix shell(a, ridge, callbacks);
  ColumnProgress progress(options.observer, targets.cols, callbacks);
  const KspHandle ksp = make_cg(a, shell, options);
  progress.watch(ksp.get());
  const Range part = a.part();
  std::vector<double> x(static_cast<std::size_t>(part.size()));
  VecHandle x_vec;
  VecHandle b_vec;
  const MPI_Comm comm = a.comm().handle();
  const PetscInt rows = to_int(part.size(), "part of a vector");
  const PetscInt n = to_int(a.size(), "length of a vector");
  petsc::check(VecCreateMPIWithArray(comm, 1, rows, n, x.data(), x_vec.out()));
  petsc::check(VecCreateMPIWithArray(comm, 1, rows, n, nullptr, b_vec.out()));
  for (Index k = 0; k < targets.cols; ++k) {
    const double* b = targets.column(k) + part.begin;
    const Timer solving;
    petsc::check(VecPlaceArray(b_vec.get(), b));
    callbacks.check(KSPSolve(ksp.get(), b_vec.get(), x_vec.get()));
    petsc::check(VecResetArray(b_vec.get()));
    fit.seconds.solve += solving.seconds();
    check_converged(ksp.get(), k);
    PetscInt iterations = 0;
    petsc::check(KSPGetIterationNumber(ksp.get(), &iterations));
    fit.iterations = std::max<Index>(fit.iterations, iterations);
    const Timer checking;
    const double residual = relative_residual(a, ridge, {b, static_cast<std::size_t>(part.size())}, x);
    check_residual(ksp.get(), k, residual);
    fit.relative_residual = std::max(fit.relative_residual, residual);
    fit.seconds.residual += checking.seconds();
    const std::vector<double> whole = dist::gather_parts(a.comm(), a.layout(), x);
    std::copy(whole.begin(), whole.end(), fit.alpha.column(k));
    progress.column_done();
  }
  return fit;
}

RegressionFit solve_cg(const dist::DistributedMatrix<double>& a, Ridge ridge,
                       const dist::DistributedMatrix<double>& targets, const CgOptions& options) {
  check_finite(a, "the Gram matrix");
  check_finite(targets, "the targets");
  const Matrix<double> whole = dist::gather(targets);
  return solve_cg(dist::StoredOperator(a), ridge.absolute(a), whole.view(), options);
}

}  // namespace widegram::solvers
