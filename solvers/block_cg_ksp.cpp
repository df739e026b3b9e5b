#include <petsc/private/kspimpl.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "solvers/petsc_operator.hpp"
#include "solvers/petsc_types.hpp"
#include "src/dist/symmetric_product.hpp"

namespace widegram::solvers {
namespace {

class MonitoredBlock;

struct BlockCgData {
  const BlockCgHooks* hooks = nullptr;
  PetscInt width = 0;                         ///< 0: the usual one
  const MonitoredBlock* monitored = nullptr;  ///< while a block is solved for under monitors
  BlockCgResult result;
};

BlockCgData& data_of(KSP ksp) { return *static_cast<BlockCgData*>(ksp->data); }

bool is_block_cg(KSP ksp) {
  PetscBool same = PETSC_FALSE;
  petsc::check(PetscObjectTypeCompare(reinterpret_cast<PetscObject>(ksp), block_cg_type, &same));
  return same == PETSC_TRUE;
}

void copy_block(MatrixView<const double> from, MatrixView<double> to) {
  for (Index j = 0; j < to.cols; ++j) std::copy_n(from.column(j), to.rows, to.column(j));
}

Mat matrix_of(KSP ksp) {
  Mat matrix = nullptr;
  petsc::check(PCGetOperators(ksp->pc, &matrix, nullptr));
  return matrix;
}

template <class F>
PetscErrorCode called_back(KSP ksp, F&& work) {
  return solvers::called_back(PetscObjectComm(reinterpret_cast<PetscObject>(ksp)), matrix_of(ksp),
                              std::forward<F>(work));
}

BlockSystem system_of(KSP ksp) {
  const MPI_Comm comm = PetscObjectComm(reinterpret_cast<PetscObject>(ksp));
  const Mat matrix = matrix_of(ksp);
  PetscInt n = 0;
  petsc::check(MatGetSize(matrix, &n, nullptr));
  BlockSystem system{.comm = comm};
  if (const PetscOperator* op = PetscOperator::of(matrix))
    system.multiply = [op](MatrixView<const double> x, MatrixView<double> y) { op->apply(x, y); };
  else
    system.multiply = [=](MatrixView<const double> x, MatrixView<double> y) {
      const PetscBlock block(comm, n, x);
      MatHandle image;
      petsc::check(MatMatMult(matrix, block.get(), MAT_INITIAL_MATRIX, PETSC_DEFAULT, image.out()));
      copy_block(BlockRead(image.get()).view(), y);
    };
  PetscBool identity = PETSC_FALSE;
  petsc::check(PetscObjectTypeCompare(reinterpret_cast<PetscObject>(ksp->pc), PCNONE, &identity));
  if (!identity)
    system.precondition = [=](MatrixView<const double> x, MatrixView<double> y) {
      const PetscBlock from(comm, n, x);
      Matrix<double> image(x.rows, x.cols);
      const PetscBlock to(comm, n, image.view());
      petsc::check(PCMatApply(ksp->pc, from.get(), to.get()));
      copy_block(image.view(), y);
    };
  return system;
}

KSPConvergedReason reason_of(BlockCgStatus status) {
  switch (status) {
    case BlockCgStatus::converged:
      return KSP_CONVERGED_RTOL;
    case BlockCgStatus::stagnated:
      return KSP_DIVERGED_BREAKDOWN;
    case BlockCgStatus::indefinite:
      return KSP_DIVERGED_INDEFINITE_MAT;
    case BlockCgStatus::indefinite_preconditioner:
      return KSP_DIVERGED_INDEFINITE_PC;
    case BlockCgStatus::not_finite:
      return KSP_DIVERGED_NANORINF;
    case BlockCgStatus::max_iterations:
    case BlockCgStatus::stopped:
      break;
  }
  return KSP_DIVERGED_ITS;
}

/// Vectors up to a whole granule cost nothing: the product would fill it with zeros.
Index usual_width(const dist::LinearOperator& a, Index columns) {
  return std::max(a.cheap_vectors(), round_up(columns, dist::vector_granule));
}

/// As it was set, or what suits the matrix.
Index width_of(const BlockCgData& data, Mat matrix, Index columns) {
  if (data.width > 0) return data.width;
  const PetscOperator* op = PetscOperator::of(matrix);
  return op != nullptr ? usual_width(op->gram(), columns) : 1;
}

/// What PETSc's monitors look at, which know single vectors only: right-hand sides and iterates, the columns
/// of a block one behind the other. Without a monitor nothing is copied.
class MonitoredBlock {
 public:
  MonitoredBlock(KSP ksp, MatrixView<const double> b, MatrixView<double> x) : ksp_(ksp), b_(b), x_(x) {
    if (ksp->numbermonitors == 0) return;
    for (VecHandle* vector : {&all_b_, &all_x_})
      petsc::check(VecCreateMPI(PetscObjectComm(reinterpret_cast<PetscObject>(ksp)),
                                to_int(b.rows * b.cols, "numbers that one rank holds of a block"),
                                PETSC_DECIDE, vector->out()));
    fill(b, all_b_.get());
    before_ = {std::exchange(ksp->vec_rhs, all_b_.get()), std::exchange(ksp->vec_sol, all_x_.get())};
    data_of(ksp).monitored = this;
  }
  MonitoredBlock(const MonitoredBlock&) = delete;
  MonitoredBlock& operator=(const MonitoredBlock&) = delete;
  ~MonitoredBlock() {
    if (data_of(ksp_).monitored != this) return;
    data_of(ksp_).monitored = nullptr;
    std::tie(ksp_->vec_rhs, ksp_->vec_sol) = before_;
  }

  /// Once an iteration, before the monitors look.
  void update() const { fill(x_, all_x_.get()); }
  /// b - A x of all columns, by a product of its own.
  void residual(Vec into) const {
    Matrix<double> r(x_.rows, x_.cols);
    system_of(ksp_).multiply(x_, r.view());
    for (Index j = 0; j < r.cols(); ++j)
      for (Index i = 0; i < r.rows(); ++i) r(i, j) = b_(i, j) - r(i, j);
    fill(r.view(), into);
  }

 private:
  static void fill(MatrixView<const double> block, Vec into) {
    const VectorWrite all(into);
    copy_block(block, {all.view().data, block.rows, block.cols});
  }

  KSP ksp_;
  MatrixView<const double> b_;
  MatrixView<double> x_;
  VecHandle all_b_, all_x_;
  std::pair<Vec, Vec> before_;
};

PetscErrorCode build_residual(KSP ksp, Vec t, Vec v, Vec* result) {
  const MonitoredBlock* block = data_of(ksp).monitored;
  if (block == nullptr) return KSPBuildResidualDefault(ksp, t, v, result);
  *result = v;
  return called_back(ksp, [&] { block->residual(v); });
}

/// PETSc's own bookkeeping of an iteration.
void note(KSP ksp, const BlockCgProgress& progress) {
  ksp->its = to_int(progress.iteration, "iterations");
  ksp->rnorm = std::sqrt(std::inner_product(progress.residuals.begin(), progress.residuals.end(),
                                            progress.residuals.begin(), 0.0));
  petsc::check(KSPLogResidualHistory(ksp, ksp->rnorm));
  if (data_of(ksp).monitored != nullptr) data_of(ksp).monitored->update();
  petsc::accept(KSPMonitor(ksp, ksp->its, ksp->rnorm));
}

void solve_block(KSP ksp, MatrixView<const double> b, MatrixView<double> x) {
  BlockCgData& data = data_of(ksp);
  BlockCgHooks hooks = data.hooks != nullptr ? *data.hooks : BlockCgHooks{};
  const auto told = hooks.iteration;
  hooks.iteration = [&](const BlockCgProgress& progress) {
    note(ksp, progress);
    if (told) told(progress);
  };
  const BlockCgLimits limits{.tolerance = ksp->rtol,
                             .absolute = ksp->abstol,
                             .max_iterations = ksp->max_it,
                             .width = width_of(data, matrix_of(ksp), b.cols)};
  data.result = block_cg(system_of(ksp), b, x, limits, hooks);
  ksp->its = to_int(data.result.iterations, "iterations");
  ksp->reason = reason_of(data.result.status);
}

PetscErrorCode solve(KSP ksp) {
  return called_back(
      ksp, [&] { solve_block(ksp, VectorRead(ksp->vec_rhs).view(), VectorWrite(ksp->vec_sol).view()); });
}

PetscErrorCode mat_solve(KSP ksp, Mat b, Mat x) {
  return called_back(ksp, [&] {
    const BlockRead rhs(b);
    const BlockWrite solution(x);
    const MonitoredBlock monitored(ksp, rhs.view(), solution.view());
    solve_block(ksp, rhs.view(), solution.view());
  });
}

PetscErrorCode set_up(KSP ksp) {
  PetscCheck(!ksp->calc_sings, PetscObjectComm(reinterpret_cast<PetscObject>(ksp)), PETSC_ERR_SUP,
             "block conjugate gradients know no singular values or eigenvalues: add -ksp_type cg");
  return 0;
}

PetscErrorCode set_from_options(KSP ksp, PetscOptionItems* PetscOptionsObject) {
  PetscOptionsHeadBegin(PetscOptionsObject, "widegram block CG");
  PetscCall(PetscOptionsInt("-ksp_block_width", "vectors an iteration at least", "", data_of(ksp).width,
                            &data_of(ksp).width, nullptr));
  PetscOptionsHeadEnd();
  return 0;
}

PetscErrorCode destroy(KSP ksp) {
  delete static_cast<BlockCgData*>(ksp->data);
  ksp->data = nullptr;
  return 0;
}

PetscErrorCode view(KSP ksp, PetscViewer viewer) {
  const BlockCgResult& result = data_of(ksp).result;
  return PetscViewerASCIIPrintf(
      viewer, "  all columns together, %d restarts from the true residual in the last solve\n",
      static_cast<int>(result.restarts));
}

PetscErrorCode create(KSP ksp) {
  ksp->data = new BlockCgData;
  ksp->ops->solve = solve;
  ksp->ops->matsolve = mat_solve;
  ksp->ops->setup = set_up;
  ksp->ops->setfromoptions = set_from_options;
  ksp->ops->destroy = destroy;
  ksp->ops->view = view;
  ksp->ops->buildsolution = KSPBuildSolutionDefault;
  ksp->ops->buildresidual = build_residual;
  return KSPSetSupportedNorm(ksp, KSP_NORM_UNPRECONDITIONED, PC_LEFT, 3);
}

}  // namespace

void register_block_cg() { petsc::check(KSPRegister(block_cg_type, create)); }

void set_block_cg_hooks(KSP ksp, const BlockCgHooks& hooks) {
  if (is_block_cg(ksp)) data_of(ksp).hooks = &hooks;
}

void set_block_cg_width(KSP ksp, Index width) {
  if (is_block_cg(ksp)) data_of(ksp).width = to_int(width, "block width");
}

const BlockCgResult* block_cg_result(KSP ksp) { return is_block_cg(ksp) ? &data_of(ksp).result : nullptr; }

}  // namespace widegram::solvers
