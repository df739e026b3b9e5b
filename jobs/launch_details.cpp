#include "jobs/launch_details.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "io/provenance.hpp"
#include "jobs/memory.hpp"
#include "jobs/versions.hpp"
#include "src/dist/layout.hpp"
#include "src/kernels/dual.hpp"

namespace widegram::jobs {
namespace {

/// Where a relative path leads to; as it is where even the working folder is unknown.
std::string absolute(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::path whole = std::filesystem::absolute(path, unknown);
  return unknown ? path : whole.lexically_normal().string();
}

}  // namespace

std::vector<std::string> launch_details(const mpi::Communicator& comm, const std::string& output) {
  // Each node's ranks add up to one.
  const auto nodes = std::lround(comm.sum(1.0 / ranks_on_node(comm)));
  const dist::GridShape grid = dist::GridShape::square(comm.size());
  const io::Provenance own = io::current_provenance(comm.size());
  std::vector<std::string> lines{
      fmt::format("ranks      {} on {} node{} ({}{}), process grid {} x {}", comm.size(), nodes,
                  nodes == 1 ? "" : "s", own.host, nodes == 1 ? "" : ", ...", grid.rows, grid.cols),
      fmt::format("versions   widegram {} (commit {}), {}, HDF5 {}, PETSc {}", own.version, own.commit,
                  mpi_library_version(), hdf5_library_version(), petsc_version()),
      fmt::format("processor  BLAS kernels for {}, {} BLAS thread{} a rank, activations by {}",
                  openblas_get_corename(), openblas_get_num_threads(),
                  openblas_get_num_threads() == 1 ? "" : "s", kernels::vector_target())};
  if (!output.empty()) lines.push_back(fmt::format("results    {}", absolute(output)));
  return lines;
}

}  // namespace widegram::jobs
