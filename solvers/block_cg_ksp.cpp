#include <petsc/private/kspimpl.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "solvers/petsc_operator.hpp"
#include "solvers/petsc_types.hpp"
#include "src/dist/symmetric_product.hpp"

namespace widegram::solvers {
namespace {

struct BlockCgData {
  const BlockCgHooks* hooks = nullptr;
  PetscInt width = 0;  ///< 0: the usual one
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

BlockSystem system_of(KSP ksp) {
  const MPI_Comm comm = PetscObjectComm(reinterpret_cast<PetscObject>(ksp));
  Mat matrix = nullptr;
  petsc::check(PCGetOperators(ksp->pc, &matrix, nullptr));
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

/// PETSc's own bookkeeping of an iteration.
void note(KSP ksp, const BlockCgProgress& progress) {
  ksp->its = to_int(progress.iteration, "iterations");
  ksp->rnorm = std::sqrt(std::inner_product(progress.residuals.begin(), progress.residuals.end(),
                                            progress.residuals.begin(), 0.0));
  petsc::check(KSPLogResidualHistory(ksp, ksp->rnorm));
  petsc::check(KSPMonitor(ksp, ksp->its, ksp->rnorm));
}

PetscErrorCode solve_block(KSP ksp, MatrixView<const double> b, MatrixView<double> x) {
  Mat matrix = nullptr;
  if (const PetscErrorCode code = PCGetOperators(ksp->pc, &matrix, nullptr); code != 0) return code;
  return called_back(PetscObjectComm(reinterpret_cast<PetscObject>(ksp)), matrix, [&] {
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
                               .width = width_of(data, matrix, b.cols)};
    data.result = block_cg(system_of(ksp), b, x, limits, hooks);
    ksp->its = to_int(data.result.iterations, "iterations");
    ksp->reason = reason_of(data.result.status);
  });
}

PetscErrorCode solve(KSP ksp) {
  return solve_block(ksp, VectorRead(ksp->vec_rhs).view(), VectorWrite(ksp->vec_sol).view());
}

PetscErrorCode mat_solve(KSP ksp, Mat b, Mat x) {
  return solve_block(ksp, BlockRead(b).view(), BlockWrite(x).view());
}

PetscErrorCode set_up(KSP) { return 0; }

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
  ksp->ops->buildresidual = KSPBuildResidualDefault;
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
