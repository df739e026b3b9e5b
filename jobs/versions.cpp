#include "jobs/versions.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <mpi.h>
#include <petscsys.h>

#include <array>

#include "io/provenance.hpp"
#include "src/kernels/dual.hpp"
#include "src/mpi/petsc.hpp"

namespace widegram::jobs {

std::string hdf5_library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

std::string hdf5_header_version() {
  return fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

std::string petsc_version() {
  PetscInt major = 0, minor = 0, patch = 0, release = 0;
  petsc::check(PetscGetVersionNumber(&major, &minor, &patch, &release));
  return fmt::format("{}.{}.{}", major, minor, patch);
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data());
  // Open MPI goes on behind a comma; MPICH writes a page, "MPICH Version:\t4.0.2" first.
  const std::string first = whole.substr(0, whole.find_first_of(",\n"));
  const std::string label = " Version:\t";
  const auto at = first.find(label);
  return at == std::string::npos ? first : first.substr(0, at) + ' ' + first.substr(at + label.size());
}

std::string version_text() {
  return fmt::format(
      "widegram {} (commit {})\n"
      "  compiler  {}\n"
      "  MPI       {}\n"
      "  HDF5      {}\n"
      "  PETSc     {}\n"
      "  BLAS      {}\n"
      "  vectors   {}\n",
      io::program_version(), io::program_commit(), io::current_provenance(1).compiler, mpi_library_version(),
      hdf5_library_version(), petsc_version(), openblas_get_config(), kernels::vector_target());
}

}  // namespace widegram::jobs
