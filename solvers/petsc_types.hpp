#pragma once

#include <petscksp.h>

#include "solvers/block_cg.hpp"
#include "solvers/preconditioner.hpp"

namespace widegram::solvers {

/// -ksp_type: block_cg(). KSPMatSolve() solves all columns together, KSPSolve() one, for any symmetric
/// matrix and preconditioner of PETSc's. -ksp_rtol and -ksp_atol hold for the residual of each column
/// against that column of the right-hand side; -ksp_monitor and -ksp_view tell of the norm of the whole
/// residual block, and monitors that look at right-hand side, solution or residual see the block's columns
/// one behind the other; KSPSetConvergenceTest and -ksp_divtol are not listened to, and what asks for
/// singular values or eigenvalues is refused. -ksp_block_width: BlockCgLimits::width.
inline constexpr const char* block_cg_type = "widegram-block-cg";
/// -pc_type: Preconditioner, for a PetscOperator only, with the options -pc_widegram_rank,
/// -pc_widegram_tail and -pc_widegram_seed.
inline constexpr const char* nystrom_type = "widegram-nystrom";
inline constexpr const char* nystrom_columns_type = "widegram-nystrom-columns";
inline constexpr const char* rpcholesky_type = "widegram-rpcholesky";

/// Makes the types known to PETSc, as often as one likes. Collective over the world.
void register_petsc_types();

/// What a block CG solver tells and asks while it solves; must outlive the solves. Another type is left
/// alone.
void set_block_cg_hooks(KSP ksp, const BlockCgHooks& hooks);
/// 0: what suits a PetscOperator and the columns. Another type is left alone.
void set_block_cg_width(KSP ksp, Index width);
/// Of the last solve; null for another type.
const BlockCgResult* block_cg_result(KSP ksp);

/// The -pc_type that stands for a kind.
const char* pc_type(PreconditionerKind kind);
/// Rank, tail and seed, which PETSc's options may change after it; another type is left alone.
void set_preconditioner_options(PC pc, const PreconditionerOptions& options);
/// Once it is set up; a default one for another type.
PreconditionerReport preconditioner_report(PC pc);

/// Parts of register_petsc_types().
void register_block_cg();
void register_preconditioners();

}  // namespace widegram::solvers
