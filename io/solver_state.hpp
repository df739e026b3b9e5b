#pragma once

#include <optional>
#include <string>

#include "src/base/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// Where an iterative solver has come to (solvers::BlockCgState, whole blocks in place of parts): enough to
/// go on, and nothing that is needed once it has ended.
struct SolverState {
  std::string problem;  ///< what is solved, all that its answer depends on
  Index iterations = 0;
  Matrix<double> x;           ///< the iterate, n x k
  Matrix<double> directions;  ///< n x any number, also none
  Matrix<double> companions;  ///< likewise
  Matrix<double> kept;        ///< likewise
};

/// Collective; the root's state is written, as a whole or not at all; replaces an older one. Throws
/// Error(files).
void write_solver_state(const mpi::Communicator& comm, const std::string& path, const SolverState& state);

/// Collective: the root reads and all ranks get all of it. Nothing where there is no such file, or it speaks
/// of another problem. Throws Error(files) where it is damaged.
std::optional<SolverState> read_solver_state(const mpi::Communicator& comm, const std::string& path,
                                             const std::string& problem);

/// Collective.
bool solver_state_exists(const mpi::Communicator& comm, const std::string& path);

/// Collective. Removes the file if it is there, and a draft of it that a kill has left.
void remove_solver_state(const mpi::Communicator& comm, const std::string& path);

}  // namespace widegram::io
