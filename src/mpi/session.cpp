#include "src/mpi/session.hpp"

#include <mpi.h>
#include <petscsys.h>

#include <cstdlib>

#include "src/mpi/petsc.hpp"

namespace widegram::mpi {

Session::Session(const std::vector<std::string>& petsc_options) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (!initialized) MPI_Init(nullptr, nullptr);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  std::vector<std::string> words{"widegram"};
  words.insert(words.end(), petsc_options.begin(), petsc_options.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  char** values = arguments.data();
  // PETSc keeps its own copy of the words. Its signal handler would hide the signals that stop a run early.
  petsc::check(PetscInitialize(&count, &values, nullptr, nullptr));
  petsc::check(PetscPopSignalHandler());
  petsc::check(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
}

Session::~Session() {
  PetscFinalize();
  MPI_Finalize();
}

void abort_all(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::abort();
}

}  // namespace widegram::mpi
