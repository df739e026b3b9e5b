#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/gram_plan.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/node.hpp"
#include "src/gram/plan.hpp"

namespace widegram::jobs {

/// What a phase is predicted to take. Seconds of the slowest rank, by what they are spent on, one behind the
/// other.
struct PhaseCost {
  std::string name;  ///< as in metrics["phases"]
  double computing = 0;
  double communication = 0;
  double files = 0;
  double steps = 1;  ///< equal ones that it consists of: iterations
  double seconds() const { return computing + communication + files; }
};

/// What does not depend on the number of nodes.
struct PlanSubject {
  const Job& job;
  JobOutline outline;
  /// Of the main job; nothing where the job is a deep kernel machine alone.
  std::optional<gram::KernelCost> kernel{};
  gram::TileSeconds tiles{};  ///< measured here
  Node node{};
};

/// The job on a number of nodes.
struct PlanPoint {
  Index nodes = 1;
  Index ranks = 1;
  gram::Layout layout;
  double imbalance = 1;  ///< entries of the busiest rank over the mean, by the real schedule of all ranks
  std::string method{};  ///< how the regression is solved
  std::vector<PhaseCost> phases{};
  gram::RankBytes memory{};  ///< of the rank that holds most
  double other_memory = 0;   ///< of a deep kernel machine, which has no Gram plan
  double allowed_memory = 0;
  std::string refused{};  ///< why it cannot run so; empty where it can
  double file_bytes = 0;  ///< on disk
  double file_size = 0;   ///< as listed
  double efficiency = 0;  ///< what one rank would compute for, over all ranks' time

  double seconds() const;
  double memory_bytes() const { return memory.total() + other_memory; }
  double core_hours(const Node& node) const {
    return static_cast<double>(nodes * node.cores) * seconds() / 3600;
  }
  /// "assembly: computing": the longest phase and what it is spent on; "memory" where that is short.
  std::string bottleneck() const;
};

/// Runs the scheduler's arithmetic for all ranks, computes nothing else and allocates one bit for a pair of
/// blocks. Phases:
///   reading         inputs from the file system
///   assembly        samples prepared and tiles of the busiest rank at the measured rates; matrix and samples
///                   written to fresh memory; inputs sent to their rows and columns; mirrored blocks
///   factorisation   n^3 / 3P flops and (2 + log2(P) / 2) n^2 / sqrt(P) numbers in (4 + log2 P) n / block
///                   messages: Blackford et al., ScaLAPACK users' guide, chapter 5; once a ridge and once
///                   more. The rank that holds most at rows / (rows + half_rate_rows) of dgemm's rate
///   preconditioner  3 n rank^2 flops
///   cg              iterations of one product each, by memory or by flops, whichever takes longer
///   predict         test x train tiles
///   writing         the Gram's files
///   dkm             evaluations, of DkmPlan::flops each, up to max_iterations
PlanPoint plan_point(const PlanSubject& subject, Index nodes, Index ranks_a_node);

}  // namespace widegram::jobs
