#pragma once

#include <petscksp.h>

#include <exception>
#include <utility>

#include "src/mpi/petsc.hpp"

namespace widegram::solvers {

/// A PETSc object that is destroyed with its owner. Destruction is collective, so it is left out while an
/// exception unwinds.
template <class Object, PetscErrorCode (*destroy)(Object*)>
class PetscHandle {
 public:
  PetscHandle() = default;
  PetscHandle(PetscHandle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PetscHandle& operator=(PetscHandle&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PetscHandle() {
    if (object_ != nullptr && std::uncaught_exceptions() == 0) destroy(&object_);
  }

  Object get() const { return object_; }
  /// Where a PETSc factory writes the new object.
  Object* out() { return &object_; }

 private:
  Object object_ = nullptr;
};

using VecHandle = PetscHandle<Vec, VecDestroy>;
using MatHandle = PetscHandle<Mat, MatDestroy>;
using KspHandle = PetscHandle<KSP, KSPDestroy>;

}  // namespace widegram::solvers
