#include "solvers/cg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "solvers/block_algebra.hpp"
#include "solvers/checks.hpp"
#include "solvers/petsc_operator.hpp"
#include "solvers/petsc_types.hpp"
#include "src/base/timer.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"

namespace widegram::solvers {
namespace {

/// Tells an observer how far the columns have come.
class ColumnProgress {
 public:
  ColumnProgress(const WorkObserver& observer, Index columns)
      : observer_(observer), total_(columns * cg_steps_a_column), steps_(static_cast<std::size_t>(columns)) {
    tell(0);
  }

  void iterated(const BlockCgProgress& progress, Index max_iterations) {
    const double iterations =
        static_cast<double>(progress.iteration) / static_cast<double>(std::max<Index>(max_iterations, 1));
    Index done = 0;
    for (std::size_t j = 0; j < steps_.size(); ++j) {
      const double now = progress.residuals[j] / progress.sizes[j];
      const double wanted = progress.targets[j] / progress.sizes[j];
      const bool finished = progress.residuals[j] <= progress.targets[j];
      const bool falls = now > 0 && now < 1 && wanted > 0 && wanted < 1;
      const double decades = finished ? 1.0 : falls ? std::log(now) / std::log(wanted) : 0.0;
      // The residual may rise on the way, and the last step belongs to the end.
      const double share = std::min(std::max(iterations, decades), 1.0);
      steps_[j] = std::max(steps_[j], static_cast<Index>(share * (cg_steps_a_column - 1)));
      done += steps_[j];
    }
    tell(done);
  }
  void finish() const { tell(total_); }

 private:
  void tell(Index done) const {
    if (observer_) observer_(done, total_);
  }

  const WorkObserver& observer_;
  Index total_;
  std::vector<Index> steps_;
};

/// The largest residual over the columns, each relative to its target.
double largest_relative(const BlockCgProgress& progress) {
  double largest = 0;
  for (std::size_t j = 0; j < progress.residuals.size(); ++j)
    if (progress.sizes[j] > 0) largest = std::max(largest, progress.residuals[j] / progress.sizes[j]);
  return largest;
}

struct Tolerances {
  double relative = 0;
  double absolute = 0;
  Index max_iterations = 0;
};

/// As the options have left them.
Tolerances tolerances_of(KSP ksp) {
  PetscReal relative = 0;
  PetscReal absolute = 0;
  PetscInt max_iterations = 0;
  petsc::check(KSPGetTolerances(ksp, &relative, &absolute, nullptr, &max_iterations));
  if (!(relative > 0 && relative < 1))
    throw mpi::CollectiveError(ExitCode::usage,
                               fmt::format("-ksp_rtol must be above 0 and below 1, not {:g}", relative));
  if (max_iterations < 1)
    throw mpi::CollectiveError(ExitCode::usage,
                               fmt::format("-ksp_max_it must be at least 1, not {}", max_iterations));
  return {relative, absolute, max_iterations};
}

/// A KSP as the options and then PETSc's own ask for, ready to solve.
KspHandle make_solver(PetscOperator& op, const CgOptions& options) {
  register_petsc_types();
  KspHandle ksp;
  petsc::check(KSPCreate(op.gram().comm().handle(), ksp.out()));
  petsc::check(KSPSetOperators(ksp.get(), op.get(), op.get()));
  petsc::check(KSPSetType(ksp.get(), block_cg_type));
  set_block_cg_width(ksp.get(), options.block_width);
  PC pc = nullptr;
  petsc::check(KSPGetPC(ksp.get(), &pc));
  petsc::check(PCSetType(pc, pc_type(options.preconditioner.kind)));
  // The tolerance speaks of the residual itself, whatever the preconditioner.
  petsc::check(KSPSetNormType(ksp.get(), KSP_NORM_UNPRECONDITIONED));
  petsc::check(KSPSetTolerances(ksp.get(), options.tolerance, PETSC_DEFAULT, PETSC_DEFAULT,
                                to_int(options.max_iterations, "max_iterations")));
  petsc::accept(KSPSetFromOptions(ksp.get()));
  // -pc_type may have put another preconditioner of ours in place, which knows the defaults alone.
  set_preconditioner_options(pc, options.preconditioner);
  petsc::accept(PCSetFromOptions(pc));
  return ksp;
}

/// |b - (A + ridge I) x| / |b| of each column, from the parts of this rank.
std::vector<double> relative_residuals(const PetscOperator& op, MatrixView<const double> b,
                                       MatrixView<const double> x) {
  Matrix<double> r(x.rows, x.cols);
  op.apply(x, r.view());
  for (Index j = 0; j < x.cols; ++j)
    for (Index i = 0; i < x.rows; ++i) r(i, j) = b(i, j) - r(i, j);
  const MPI_Comm comm = op.gram().comm().handle();
  std::vector<double> residuals = column_norms(comm, r.view());
  const std::vector<double> sizes = column_norms(comm, b);
  for (std::size_t j = 0; j < residuals.size(); ++j) residuals[j] /= sizes[j] > 0 ? sizes[j] : 1.0;
  return residuals;
}

/// What a solve came to, whatever the KSP.
struct Outcome {
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
  BlockCgStatus status = BlockCgStatus::converged;
  Index iterations = 0;
  std::vector<double> residuals;  ///< true relative ones

  Index worst() const { return std::max_element(residuals.begin(), residuals.end()) - residuals.begin(); }
  double worst_residual() const { return residuals[static_cast<std::size_t>(worst())]; }
};

[[noreturn]] void fail(const Outcome& outcome, const CgHooks& hooks, const std::string& why) {
  throw mpi::CollectiveError(
      ExitCode::numerical,
      fmt::format(
          "conjugate gradients: after {} iterations the true relative residual of {} {} is {:.3g}: {}",
          outcome.iterations, hooks.column_name, hooks.first_column + outcome.worst(),
          outcome.worst_residual(), why));
}

/// Throws where the solver has stopped without an answer, or its answer is none. The same on every rank.
void check_outcome(const Outcome& outcome, const Tolerances& tolerances, const CgHooks& hooks) {
  const std::string asked = fmt::format("{:.3g} was asked for; ", tolerances.relative);
  if (outcome.status == BlockCgStatus::stopped)
    throw mpi::CollectiveError(
        ExitCode::stopped,
        fmt::format("stopped early: conjugate gradients had done {} iterations, {}; run the same command "
                    "again to go on",
                    outcome.iterations, hooks.save ? "their state is saved" : "of which nothing is kept"));
  if (outcome.reason == KSP_DIVERGED_INDEFINITE_MAT)
    fail(outcome, hooks,
         "the matrix turned out not to be positive definite; raise solve.ridge, or factor it with "
         "solve.method = \"cholesky\" to learn the smallest ridge that helps");
  if (outcome.reason == KSP_DIVERGED_INDEFINITE_PC)
    fail(outcome, hooks,
         "the preconditioner turned out not to be positive definite; raise solve.ridge or lower "
         "solve.preconditioner_rank");
  if (outcome.reason == KSP_DIVERGED_NANORINF)
    fail(outcome, hooks, "numbers overflow: the matrix is singular, or nearly so; raise solve.ridge");
  if (outcome.reason == KSP_DIVERGED_ITS)
    fail(outcome, hooks,
         asked +
             "raise solve.max_iterations (from solve.h5 the job goes on where it was), solve.ridge or "
             "solve.preconditioner_rank, choose another solve.preconditioner, loosen solve.tolerance, or use "
             "solve.method = \"cholesky\"");
  constexpr double slack = 10.0;   // for PETSc's own types, which believe in their recurrence
  constexpr double unset = 1e-50;  // PETSc's own -ksp_atol; with a larger one the user has asked for less
  const bool good = outcome.worst_residual() <= slack * tolerances.relative || tolerances.absolute > unset;
  if (outcome.reason > 0 && good) return;
  fail(outcome, hooks,
       asked +
           "that is finer than the matrix allows in double precision, or the solver did not iterate; "
           "raise solve.tolerance or solve.ridge, or use solve.method = \"cholesky\"");
}

/// The operator as PETSc's own solvers see it, which ask nobody whether to stop.
class StoppableOperator : public dist::LinearOperator {
 public:
  explicit StoppableOperator(const dist::LinearOperator& a) : a_(a) {}

  /// From now on products ask; null: nobody.
  void ask(const std::function<bool()>* stop) { stop_ = stop != nullptr && *stop ? stop : nullptr; }

  const mpi::Communicator& comm() const override { return a_.comm(); }
  const dist::Partition& layout() const override { return a_.layout(); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    if (stop_ != nullptr && comm().max((*stop_)() ? 1 : 0) != 0)
      throw mpi::CollectiveError(
          ExitCode::stopped,
          "stopped early: PETSc's own -ksp_type keeps no state, so the solve begins again; run the same "
          "command again, or leave -ksp_type out");
    a_.apply(x, y);
  }
  std::vector<double> diagonal() const override { return a_.diagonal(); }
  Index cheap_vectors() const override { return a_.cheap_vectors(); }
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override { return a_.columns(chosen); }

 private:
  const dist::LinearOperator& a_;
  const std::function<bool()>* stop_ = nullptr;
};

Outcome outcome_of(KSP ksp, const PetscOperator& op, MatrixView<const double> b, MatrixView<const double> x) {
  Outcome outcome;
  petsc::check(KSPGetConvergedReason(ksp, &outcome.reason));
  if (const BlockCgResult* result = block_cg_result(ksp)) {
    outcome.status = result->status;
    outcome.iterations = result->iterations;
    outcome.residuals = result->residuals;
    return outcome;
  }
  PetscInt iterations = 0;
  petsc::check(KSPGetTotalIterations(ksp, &iterations));
  outcome.iterations = iterations;
  outcome.residuals = relative_residuals(op, b, x);
  return outcome;
}

/// Columns far from 1 are solved for as their products with a power of two, which changes no digit: next to a
/// column of ordinary size one of 1e-80 would vanish in the block's rounding.
class ColumnScales {
 public:
  explicit ColumnScales(MatrixView<const double> targets) {
    constexpr int ordinary = 64;  // exponents of two
    for (Index j = 0; j < targets.cols; ++j) {
      double largest = 0;
      for (Index i = 0; i < targets.rows; ++i) largest = std::max(largest, std::abs(targets(i, j)));
      const int exponent = largest > 0 ? std::ilogb(largest) : 0;
      exponents_.push_back(std::abs(exponent) > ordinary ? exponent : 0);
    }
  }
  /// The rows of a part, scaled to about 1.
  Matrix<double> scaled(MatrixView<const double> part) const {
    Matrix<double> result(part.rows, part.cols);
    for (Index j = 0; j < part.cols; ++j)
      for (Index i = 0; i < part.rows; ++i) result(i, j) = std::ldexp(part(i, j), -exponent(j));
    return result;
  }
  void undo(MatrixView<double> x) const {
    for (Index j = 0; j < x.cols; ++j)
      for (Index i = 0; i < x.rows; ++i) x(i, j) = std::ldexp(x(i, j), exponent(j));
  }

 private:
  int exponent(Index column) const { return exponents_[static_cast<std::size_t>(column)]; }

  std::vector<int> exponents_;
};

}  // namespace

struct CgSolver::State {
  State(const dist::LinearOperator& a, double ridge, const CgOptions& options)
      : stoppable(a),
        op(stoppable, ridge),
        ksp(make_solver(op, options)),
        tolerances(tolerances_of(ksp.get())) {
    const Timer preconditioning;
    accept(KSPSetUp(ksp.get()));
    precondition_seconds = preconditioning.seconds();
  }

  /// Solves and looks at what came of it.
  Outcome solve(MatrixView<const double> b, MatrixView<double> x, const CgHooks& hooks, FitSeconds& seconds) {
    const MPI_Comm comm = stoppable.comm().handle();
    ColumnProgress progress(hooks.observer, b.cols);
    BlockCgHooks block_hooks{
        .stop = hooks.stop, .save = hooks.save, .save_every = hooks.save_every, .initial = hooks.initial};
    block_hooks.iteration = [&](const BlockCgProgress& now) {
      progress.iterated(now, tolerances.max_iterations);
      if (hooks.iterated) hooks.iterated(now.iteration, largest_relative(now));
    };
    set_block_cg_hooks(ksp.get(), block_hooks);
    if (block_cg_result(ksp.get()) == nullptr) stoppable.ask(&hooks.stop);
    const PetscBlock b_block(comm, stoppable.size(), b);
    const PetscBlock x_block(comm, stoppable.size(), x);
    const Timer solving;
    accept(KSPMatSolve(ksp.get(), b_block.get(), x_block.get()));
    seconds.solve = solving.seconds();
    const Timer checking;
    Outcome outcome = outcome_of(ksp.get(), op, b, x);
    seconds.residual = checking.seconds();
    stoppable.ask(nullptr);
    check_outcome(outcome, tolerances, hooks);
    progress.finish();
    return outcome;
  }

  /// Of a call that may have called back. What PETSc itself then refuses, options have asked for.
  void accept(PetscErrorCode code) {
    op.rethrow();
    petsc::accept(code);
  }

  StoppableOperator stoppable;
  PetscOperator op;
  KspHandle ksp;
  Tolerances tolerances;
  double precondition_seconds = 0;
};

CgSolver::CgSolver(const dist::LinearOperator& a, double ridge, const CgOptions& options) {
  check_ridge(ridge);
  state_ = std::make_unique<State>(a, ridge, options);
}
CgSolver::CgSolver(CgSolver&&) noexcept = default;
CgSolver& CgSolver::operator=(CgSolver&&) noexcept = default;
CgSolver::~CgSolver() = default;

const dist::LinearOperator& CgSolver::gram() const { return state_->stoppable; }
double CgSolver::ridge() const { return state_->op.ridge(); }
void CgSolver::apply(MatrixView<const double> x, MatrixView<double> y) const { state_->op.apply(x, y); }

RegressionFit CgSolver::fit(MatrixView<const double> targets, const CgHooks& hooks) {
  const dist::LinearOperator& a = gram();
  check_finite(targets, "the targets");
  RegressionFit fit;
  fit.ridge = ridge();
  fit.seconds.precondition = state_->precondition_seconds;
  PC pc = nullptr;
  petsc::check(KSPGetPC(state_->ksp.get(), &pc));
  fit.preconditioner = preconditioner_report(pc);
  fit.alpha = Matrix<double>(targets.rows, targets.cols);
  if (targets.cols == 0) return fit;
  const Range part = a.part();
  Matrix<double> x(part.size(), targets.cols);
  const ColumnScales scales(targets);
  const Matrix<double> b = scales.scaled(targets.block(part, {0, targets.cols}));
  const Outcome outcome = state_->solve(b.view(), x.view(), hooks, fit.seconds);
  scales.undo(x.view());
  fit.iterations = outcome.iterations;
  fit.relative_residual = outcome.worst_residual();
  fit.alpha = dist::gather_parts(a.comm(), a.layout(), x.view());
  return fit;
}

CgSolver::Solved CgSolver::solve(MatrixView<const double> b, MatrixView<double> x, const CgHooks& hooks) {
  if (b.cols == 0) return {};
  for (Index k = 0; k < x.cols; ++k) std::fill_n(x.column(k), x.rows, 0.0);  // no guess
  FitSeconds seconds;
  const Outcome outcome = state_->solve(b, x, hooks, seconds);
  return {outcome.iterations, outcome.worst_residual()};
}

RegressionFit solve_cg(const dist::LinearOperator& a, double ridge, MatrixView<const double> targets,
                       const CgOptions& options, const CgHooks& hooks) {
  check_finite(targets, "the targets");
  return CgSolver(a, ridge, options).fit(targets, hooks);
}

RegressionFit solve_cg(const dist::DistributedMatrix<double>& a, Ridge ridge,
                       const dist::DistributedMatrix<double>& targets, const CgOptions& options,
                       const CgHooks& hooks) {
  check_finite(a, "the Gram matrix");
  check_finite(targets, "the targets");
  const Matrix<double> whole = dist::gather(targets);
  return solve_cg(dist::StoredOperator(a), ridge.absolute(a), whole.view(), options, hooks);
}

}  // namespace widegram::solvers
