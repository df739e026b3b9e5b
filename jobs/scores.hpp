#pragma once

#include <optional>

#include "io/data_set.hpp"
#include "jobs/metrics.hpp"

namespace widegram::jobs {

/// How good outputs are.
struct Scores {
  std::optional<double> accuracy;  ///< share of samples whose largest output is their class; classes only
  std::optional<double> rmse{};  ///< over all outputs, against the encoded targets; outputs that predict them
  std::optional<double> nlpd{};  ///< negative log predictive density an output, where there are variances
  std::optional<double> nll{};   ///< negative log probability of the true class, where there are such
};

/// Collective. outputs, targets: outputs x local samples of `set`.
Scores score(const mpi::Communicator& comm, const io::DataSet& set, MatrixView<const double> outputs,
             MatrixView<const double> targets);

/// As "accuracy", "rmse", "nlpd" and "negative_log_likelihood".
void write_scores(Json& section, const Scores& scores);

}  // namespace widegram::jobs
