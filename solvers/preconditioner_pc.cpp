#include <petsc/private/pcimpl.h>

#include <optional>

#include "solvers/petsc_operator.hpp"
#include "solvers/petsc_types.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

struct PreconditionerData {
  PreconditionerOptions options;
  std::optional<Preconditioner> made;
};

PreconditionerData& data_of(PC pc) { return *static_cast<PreconditionerData*>(pc->data); }

bool is_ours(PC pc) {
  PetscBool ours = PETSC_FALSE;
  petsc::check(PetscObjectTypeCompareAny(reinterpret_cast<PetscObject>(pc), &ours, nystrom_type,
                                         nystrom_columns_type, rpcholesky_type, ""));
  return ours == PETSC_TRUE;
}

template <class F>
PetscErrorCode guarded(PC pc, F&& work) {
  return called_back(PetscObjectComm(reinterpret_cast<PetscObject>(pc)), pc->pmat, work);
}

PetscErrorCode set_up(PC pc) {
  return guarded(pc, [&] {
    const PetscOperator* op = PetscOperator::of(pc->pmat);
    if (op == nullptr)
      throw mpi::CollectiveError(
          ExitCode::usage,
          "the preconditioners of widegram need a Gram operator (solvers::PetscOperator), "
          "not a matrix of PETSc's");
    data_of(pc).made.emplace(op->gram(), op->ridge(), data_of(pc).options);
  });
}

PetscErrorCode apply(PC pc, Vec x, Vec y) {
  return guarded(pc, [&] { data_of(pc).made->apply(VectorRead(x).view(), VectorWrite(y).view()); });
}

PetscErrorCode mat_apply(PC pc, Mat x, Mat y) {
  return guarded(pc, [&] { data_of(pc).made->apply(BlockRead(x).view(), BlockWrite(y).view()); });
}

PetscErrorCode set_from_options(PC pc, PetscOptionItems*) {
  return guarded(pc, [&] {
    PreconditionerOptions& options = data_of(pc).options;
    const char* prefix = nullptr;
    petsc::check(PCGetOptionsPrefix(pc, &prefix));
    PetscOptions database = nullptr;
    petsc::check(PetscObjectGetOptions(reinterpret_cast<PetscObject>(pc), &database));
    const auto integer = [&](const char* name, PetscInt value) {
      petsc::check(PetscOptionsGetInt(database, prefix, name, &value, nullptr));
      return value;
    };
    options.rank = integer("-pc_widegram_rank", to_int(options.rank, "rank of the preconditioner"));
    options.seed =
        static_cast<std::uint64_t>(integer("-pc_widegram_seed", static_cast<PetscInt>(options.seed)));
    petsc::check(PetscOptionsGetReal(database, prefix, "-pc_widegram_tail", &options.tail, nullptr));
  });
}

PetscErrorCode reset(PC pc) {
  data_of(pc).made.reset();
  return 0;
}

PetscErrorCode destroy(PC pc) {
  delete static_cast<PreconditionerData*>(pc->data);
  pc->data = nullptr;
  return 0;
}

PetscErrorCode view(PC pc, PetscViewer viewer) {
  const PreconditionerReport report = preconditioner_report(pc);
  return PetscViewerASCIIPrintf(viewer, "  rank %d, %.4g of the trace, %.3g seconds\n",
                                static_cast<int>(report.rank), report.trace_share, report.seconds);
}

template <PreconditionerKind kind>
PetscErrorCode create(PC pc) {
  pc->data = new PreconditionerData{.options = {.kind = kind}, .made = {}};
  pc->ops->setup = set_up;
  pc->ops->apply = apply;
  pc->ops->applytranspose = apply;
  pc->ops->matapply = mat_apply;
  pc->ops->setfromoptions = set_from_options;
  pc->ops->reset = reset;
  pc->ops->destroy = destroy;
  pc->ops->view = view;
  return 0;
}

}  // namespace

void register_preconditioners() {
  petsc::check(PCRegister(nystrom_type, create<PreconditionerKind::nystrom>));
  petsc::check(PCRegister(nystrom_columns_type, create<PreconditionerKind::nystrom_columns>));
  petsc::check(PCRegister(rpcholesky_type, create<PreconditionerKind::rpcholesky>));
}

void register_petsc_types() {
  register_block_cg();
  register_preconditioners();
}

const char* pc_type(PreconditionerKind kind) {
  switch (kind) {
    case PreconditionerKind::nystrom:
      return nystrom_type;
    case PreconditionerKind::nystrom_columns:
      return nystrom_columns_type;
    case PreconditionerKind::rpcholesky:
      return rpcholesky_type;
    case PreconditionerKind::none:
      break;
  }
  return PCNONE;
}

void set_preconditioner_options(PC pc, const PreconditionerOptions& options) {
  if (!is_ours(pc)) return;
  const PreconditionerKind kind = data_of(pc).options.kind;
  data_of(pc).options = options;
  data_of(pc).options.kind = kind;
}

PreconditionerReport preconditioner_report(PC pc) {
  return is_ours(pc) && data_of(pc).made ? data_of(pc).made->report() : PreconditionerReport{};
}

}  // namespace widegram::solvers
