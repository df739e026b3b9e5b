#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::solvers {

/// A function of a vector that is spread over ranks, to be minimised: its value, the same on every rank, with
/// this rank's part of the gradient; nothing where the point lies outside of the function's domain.
/// Collective. What it throws comes out of minimize(), on all ranks where all throw.
using TaoFunction =
    std::function<std::optional<double>(std::span<const double> x, std::span<double> gradient)>;

/// This rank's parts.
struct TaoPoint {
  std::vector<double> x;
  std::vector<double> gradient;
};

/// Where a quasi-Newton run has come to: the points that its curvature pairs come from, oldest first, and the
/// one that it stands at, last.
struct TaoState {
  Index iterations = 0;
  std::vector<TaoPoint> points;
};

struct TaoProgress {
  Index iteration = 0;  ///< 0: the start
  double value = 0;
  double gradient_norm = 0;
  Index evaluations = 0;  ///< so far in this call
};

enum class TaoWish { go_on, save, stop };

struct TaoOptions {
  std::string type = "bqnls";   ///< TAO's name; a state is kept by the quasi-Newton ones, exactly by bqnls
  double tolerance = 1e-8;      ///< of the gradient's norm
  Index max_iterations = 500;   ///< all in all, those of `initial` among them
  Index history = 5;            ///< curvature pairs
  std::vector<double> lower{};  ///< bounds of this rank's part; empty on all ranks: none
  std::vector<double> upper{};
  const TaoState* initial = nullptr;  ///< goes on from there
  /// Told of the start (not of one that is gone on from) and of every iteration.
  std::function<void(const TaoProgress&)> iteration{};
  /// Asked between iterations; the same answer on every rank.
  std::function<TaoWish()> wish{};
  std::function<void(const TaoState&)> save{};  ///< before a stop, and where it is wished
};

struct TaoResult {
  enum class End {
    converged,   ///< to the tolerance, or to one of PETSc's options
    iterations,  ///< max_iterations
    stopped,     ///< as wished; the state was saved
    stalled,  ///< the line search finds nothing better: at the limit of the precision, or something is wrong
    refused   ///< the start lies outside of the domain
  };
  End end = End::converged;
  std::vector<double> x;
  double value = 0;
  double gradient_norm = 0;
  Index iterations = 0;  ///< all in all
  Index evaluations = 0;
  Index refused = 0;  ///< of the evaluations: points outside of the domain
};

/// "converged", "iterations", ...
const char* to_string(TaoResult::End end);

/// Minimises by PETSc's TAO. Collective over comm; the same result on every rank but for the parts of x.
/// PETSc's own options (-tao_type, -tao_gatol, -tao_monitor, ...) come last and win. A trial point outside of
/// the domain counts as one that is not good enough, and the line search shortens its step. On the same
/// number of ranks a run that goes on from a state takes the same steps as one that was never interrupted, as
/// long as PETSc's options leave the type and the scaling of the curvature pairs alone. Memory: 4 (history +
/// 1) + 12 vectors. Throws CollectiveError(usage) for PETSc options that it refuses.
TaoResult minimize(const mpi::Communicator& comm, const TaoFunction& function, std::vector<double> start,
                   const TaoOptions& options = {});

}  // namespace widegram::solvers
