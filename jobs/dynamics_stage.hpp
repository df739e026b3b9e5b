#pragma once

#include <memory>
#include <string>

#include "io/dynamics_file.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/problem.hpp"
#include "solvers/eigen_training.hpp"
#include "src/dist/linear_operator.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::jobs {

/// Whether what a job's [dynamics] asks for goes together; the same on every rank. Throws
/// CollectiveError(usage) naming the key at fault.
void check_dynamics(const Job& job);

/// Bytes that the stage needs for each entry of a Gram of n samples, the Gram among them; 0 where the Gram is
/// not in memory.
Index dynamics_entry_bytes(const Job& job, GlobalIndex n);

/// A training that was followed.
struct LearnedDynamics {
  io::Dynamics dynamics;                               ///< all but the test set's part
  std::unique_ptr<solvers::EigenTraining> training{};  ///< where variances are asked for
};

/// Collective. Follows the training on the training Gram (both triangles filled; its memory is taken over)
/// and finds the time of best validation loss, where the job asks for one: all of dynamics.h5 but the test
/// set's part, and metrics["dynamics"]. Each rank holds alpha of every time, T n k numbers. Throws
/// CollectiveError as EigenTraining and KrylovTraining do.
LearnedDynamics learn_dynamics(const CommandContext& context, const Problem& problem,
                               dist::DistributedMatrix<double> gram, Metrics& metrics);

/// The same on a Gram that is known by its products.
LearnedDynamics learn_dynamics(const CommandContext& context, const Problem& problem,
                               const dist::LinearOperator& gram, Metrics& metrics);

/// Collective. Adds the test set's part, of all times in one pass over the test x train block, and writes
/// dynamics.h5. Each rank holds the outputs of every time, T m k numbers; with variances beside them what
/// variance_bytes() says.
template <class Real>
void dynamics_stage(const CommandContext& context, const Problem& problem, LearnedDynamics learned,
                    GramStage<Real>& gram, Metrics& metrics);

extern template void dynamics_stage(const CommandContext&, const Problem&, LearnedDynamics, GramStage<float>&,
                                    Metrics&);
extern template void dynamics_stage(const CommandContext&, const Problem&, LearnedDynamics,
                                    GramStage<double>&, Metrics&);

/// dynamics.h5 of the job's output folder.
std::string dynamics_path(const Job& job);

/// A table of how training goes on, for people.
std::string to_text(const io::Dynamics& dynamics);

}  // namespace widegram::jobs
