#include "solvers/petsc_operator.hpp"

#include <algorithm>
#include <utility>

namespace widegram::solvers {
namespace {

/// The name under which a matrix of ours carries its operator.
constexpr const char* operator_name = "widegram_operator";

MatrixView<double> dense_view(Mat block, double* values) {
  PetscInt rows = 0;
  PetscInt cols = 0;
  PetscInt stride = 0;
  petsc::check(MatGetLocalSize(block, &rows, nullptr));
  petsc::check(MatGetSize(block, nullptr, &cols));
  petsc::check(MatDenseGetLDA(block, &stride));
  return {values, rows, cols, stride};
}

Index local_size(Vec vector) {
  PetscInt size = 0;
  petsc::check(VecGetLocalSize(vector, &size));
  return size;
}

}  // namespace

PetscOperator::PetscOperator(const dist::LinearOperator& a, double ridge) : a_(a), ridge_(ridge) {
  const MPI_Comm comm = a.comm().handle();
  const PetscInt part = to_int(a.part().size(), "part of a vector");
  const PetscInt n = to_int(a.size(), "length of a vector");
  petsc::check(MatCreateShell(comm, part, part, n, n, this, shell_.out()));
  petsc::check(MatShellSetOperation(shell_.get(), MATOP_MULT, reinterpret_cast<void (*)()>(&multiply)));
  petsc::check(
      MatShellSetOperation(shell_.get(), MATOP_GET_DIAGONAL, reinterpret_cast<void (*)()>(&diagonal)));
  petsc::check(MatSetOption(shell_.get(), MAT_SYMMETRIC, PETSC_TRUE));
  PetscContainer container = nullptr;
  petsc::check(PetscContainerCreate(comm, &container));
  petsc::check(PetscContainerSetPointer(container, this));
  petsc::check(PetscObjectCompose(reinterpret_cast<PetscObject>(shell_.get()), operator_name,
                                  reinterpret_cast<PetscObject>(container)));
  petsc::check(PetscContainerDestroy(&container));
}

PetscOperator* PetscOperator::of(Mat matrix) {
  if (matrix == nullptr) return nullptr;
  PetscObject container = nullptr;
  petsc::check(PetscObjectQuery(reinterpret_cast<PetscObject>(matrix), operator_name, &container));
  if (container == nullptr) return nullptr;
  void* self = nullptr;
  petsc::check(PetscContainerGetPointer(reinterpret_cast<PetscContainer>(container), &self));
  return static_cast<PetscOperator*>(self);
}

void PetscOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  a_.apply(x, y);
  for (Index j = 0; j < x.cols; ++j)
    for (Index i = 0; i < x.rows; ++i) y(i, j) += ridge_ * x(i, j);
}

void PetscOperator::rethrow() {
  if (kept_) std::rethrow_exception(std::exchange(kept_, nullptr));
}

PetscErrorCode PetscOperator::multiply(Mat shell, Vec x, Vec y) {
  return called_back(PetscObjectComm(reinterpret_cast<PetscObject>(shell)), shell,
                     [&] { of(shell)->apply(VectorRead(x).view(), VectorWrite(y).view()); });
}

PetscErrorCode PetscOperator::diagonal(Mat shell, Vec d) {
  return called_back(PetscObjectComm(reinterpret_cast<PetscObject>(shell)), shell, [&] {
    const PetscOperator& self = *of(shell);
    const std::vector<double> part = self.a_.diagonal();
    std::transform(part.begin(), part.end(), VectorWrite(d).view().data,
                   [&](double entry) { return entry + self.ridge_; });
  });
}

PetscBlock::PetscBlock(MPI_Comm comm, Index n, MatrixView<const double> values) {
  const double* data = values.data;
  if (values.cols > 1 && values.stride != values.rows) {
    copy_ = Matrix<double>(values.rows, values.cols);
    for (Index j = 0; j < values.cols; ++j) std::copy_n(values.column(j), values.rows, copy_.column(j));
    data = copy_.data();
  }
  static double nothing = 0;  // PETSc takes a null pointer for a wish that it allocate
  to_int(values.rows * values.cols, "numbers that one rank holds of a block of vectors");
  petsc::check(MatCreateDense(comm, to_int(values.rows, "part of a vector"), PETSC_DECIDE,
                              to_int(n, "length of a vector"), to_int(values.cols, "vectors"),
                              data == nullptr ? &nothing : const_cast<double*>(data), matrix_.out()));
}

BlockRead::BlockRead(Mat block) : block_(block) {
  const double* values = nullptr;
  petsc::check(MatDenseGetArrayRead(block, &values));
  view_ = dense_view(block, const_cast<double*>(values));
}
BlockRead::~BlockRead() {
  const double* values = view_.data;
  MatDenseRestoreArrayRead(block_, &values);
}

BlockWrite::BlockWrite(Mat block) : block_(block) {
  double* values = nullptr;
  petsc::check(MatDenseGetArray(block, &values));
  view_ = dense_view(block, values);
}
BlockWrite::~BlockWrite() {
  double* values = view_.data;
  MatDenseRestoreArray(block_, &values);
}

VectorRead::VectorRead(Vec vector) : vector_(vector) {
  const double* values = nullptr;
  petsc::check(VecGetArrayRead(vector, &values));
  view_ = {values, local_size(vector), 1};
}
VectorRead::~VectorRead() {
  const double* values = view_.data;
  VecRestoreArrayRead(vector_, &values);
}

VectorWrite::VectorWrite(Vec vector) : vector_(vector) {
  double* values = nullptr;
  petsc::check(VecGetArray(vector, &values));
  view_ = {values, local_size(vector), 1};
}
VectorWrite::~VectorWrite() {
  double* values = view_.data;
  VecRestoreArray(vector_, &values);
}

}  // namespace widegram::solvers
