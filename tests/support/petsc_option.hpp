#pragma once

#include <petscsys.h>

#include "src/mpi/petsc.hpp"

namespace widegram::test {

/// Sets a PETSc option for the time of a scope.
class PetscOption {
 public:
  PetscOption(const char* name, const char* value) : name_(name) {
    petsc::check(PetscOptionsSetValue(nullptr, name, value));
  }
  ~PetscOption() { PetscOptionsClearValue(nullptr, name_); }
  PetscOption(const PetscOption&) = delete;
  PetscOption& operator=(const PetscOption&) = delete;

 private:
  const char* name_;
};

}  // namespace widegram::test
