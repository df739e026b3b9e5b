// MPI and PETSc for libFuzzer, which has the main function.
#include "src/mpi/session.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static const widegram::mpi::Session session;
  return 0;
}
