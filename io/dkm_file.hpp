#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/dist/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// A trained full-rank deep kernel machine: what dkm.h5 says of it beside its Grams. The same on every rank.
struct DkmModel {
  std::string kind;     ///< "full"
  std::string problem;  ///< all that the trained machine depends on but the optimiser's ends
  std::string kernel;   ///< the kernel map, as in a job file
  std::uint64_t train_hash = 0;
  std::uint64_t target_hash = 0;
  Index classes = 0;  ///< 0: targets are values
  std::string encoding;
  GlobalIndex n = 0;
  std::vector<double> nu;  ///< one a layer
  double noise = 0;
  double jitter = 0;
  std::vector<double> objective;  ///< at the start and after every iteration
  std::string end;                ///< "converged", "iterations", "stalled"
  double tolerance = 0;           ///< that was asked for
  double gradient_norm = 0;

  Index layers() const { return static_cast<Index>(nu.size()); }
  Index iterations() const { return static_cast<Index>(objective.size()) - 1; }
};

/// G_l, complete in both triangles, in `into`; layers are counted from 1.
using DkmGram = std::function<void(Index layer, dist::DistributedMatrix<double>& into)>;

/// Collective over the grid. Writes /gram/1 ... /gram/L (N x N, float64, each rank its blocks; attribute
/// `triangle`), /objective, /nu and the rest as attributes, `complete` = 1; replaces an older file once all
/// is on disk. gram() is called on every rank in the same order and may communicate; scratch: an N x N matrix
/// on the grid. Throws Error(files).
void write_dkm(const std::string& path, const DkmModel& model, const DkmGram& gram,
               dist::DistributedMatrix<double>& scratch);

/// Collective. What a dkm.h5 of any kind of machine says that it depends on; nothing where there is no such
/// file. Throws Error(files) where it is damaged or none of ours.
std::optional<std::string> read_dkm_problem(const mpi::Communicator& comm, const std::string& path);

/// Collective. A full-rank machine. Nothing where there is no such file. Throws Error(files) where it is
/// damaged or none of ours.
std::optional<DkmModel> read_dkm(const mpi::Communicator& comm, const std::string& path);

/// Collective over the matrix's grid. The lower triangle of /gram/LAYER, blocks on the diagonal as a whole.
void read_dkm_gram(const std::string& path, Index layer, dist::DistributedMatrix<double>& into);

/// Where training has come to (solvers::TaoState, and the objective's values so far).
struct DkmState {
  std::string problem;
  Index layers = 0;
  Index points = 0;               ///< each of them a vector of parameters and the gradient there
  std::vector<double> objective;  ///< as in DkmModel
  std::vector<double> learned;    ///< a row for the parameters and one for the gradient of each point
  double seconds = 0;             ///< of training so far
};

/// One layer of a point's parameters (or gradient there), lower triangular.
using DkmStateMatrix =
    std::function<void(Index point, bool gradient, Index layer, dist::DistributedMatrix<double>& matrix)>;

/// Collective over the grid, as write_dkm(). source() fills the matrix that it is handed, which is `scratch`.
void write_dkm_state(const std::string& path, const DkmState& state, const DkmStateMatrix& source,
                     dist::DistributedMatrix<double>& scratch);

/// Collective over the grid. Nothing where there is no such file or it speaks of another problem; sink() is
/// handed one matrix after another. Throws Error(files) where it is damaged.
std::optional<DkmState> read_dkm_state(const std::string& path, const std::string& problem,
                                       const DkmStateMatrix& sink, dist::DistributedMatrix<double>& scratch);

}  // namespace widegram::io
