#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/base/index.hpp"

namespace CLI {
class App;
}

namespace widegram::jobs {

/// What `widegram scale` is asked for.
struct ScaleOptions {
  std::vector<Index> ranks{};        ///< empty: 1, 2, 4, ... up to the processors
  std::vector<Index> sizes{};        ///< empty: the job's own training set
  std::optional<Index> weak{};       ///< training samples on one rank
  Index repeats = 3;                 ///< timed
  Index warmup = 1;                  ///< ahead of them, not timed
  std::string command{};             ///< empty: run, or dkm where the job has no network
  std::optional<Index> point{};      ///< this one alone
  bool list = false;                 ///< say which points there are, run none
  std::string hold_out = "largest";  ///< "largest", or a share of the points
  std::string launcher = "mpirun";   ///< its words; -n RANKS follows
  std::string python = "python3";    ///< that draws
};

/// What `widegram plan` is asked for.
struct PlanOptions {
  Index first_nodes = 1;
  Index last_nodes = 1;
  std::string node_file;              ///< empty: this machine
  std::optional<Index> ranks_a_node;  ///< else one a core
  std::optional<Index> size;          ///< training samples, in place of the data set's
  std::string points;                 ///< a scaling.json to be compared with; empty: none
};

/// Adds the options to the command; values that do not fit make CLI11 say so.
void add_scale_options(CLI::App& command, ScaleOptions& options);
void add_plan_options(CLI::App& command, PlanOptions& options);

}  // namespace widegram::jobs
