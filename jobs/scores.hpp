#pragma once

#include <optional>

#include "io/data_set.hpp"
#include "jobs/metrics.hpp"

namespace widegram::jobs {

/// How good outputs are.
struct Scores {
  std::optional<double> accuracy;  ///< share of samples whose largest output is their class; classes only
  double rmse = 0;                 ///< over all outputs, against the encoded targets
  std::optional<double> nlpd{};    ///< negative log predictive density an output, where there are variances
};

/// Collective. outputs, targets: outputs x local samples of `set`.
Scores score(const mpi::Communicator& comm, const io::DataSet& set, MatrixView<const double> outputs,
             MatrixView<const double> targets);

/// As "accuracy", "rmse" and "nlpd".
void write_scores(Json& section, const Scores& scores);

}  // namespace widegram::jobs
