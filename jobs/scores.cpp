#include "jobs/scores.hpp"

#include <algorithm>
#include <cmath>

namespace widegram::jobs {

Scores score(const mpi::Communicator& comm, const io::DataSet& set, MatrixView<const double> outputs,
             MatrixView<const double> targets) {
  Index right = 0;
  double squares = 0;
  for (Index i = 0; i < outputs.cols; ++i) {
    for (Index k = 0; k < outputs.rows; ++k) squares += std::pow(outputs(k, i) - targets(k, i), 2);
    if (set.target_kind != io::TargetKind::classes) continue;
    const double* column = outputs.column(i);
    if (std::max_element(column, column + outputs.rows) - column == set.classes[static_cast<std::size_t>(i)])
      ++right;
  }
  const auto samples = static_cast<double>(set.samples());
  Scores scores;
  scores.rmse = std::sqrt(comm.sum(squares) / (samples * static_cast<double>(outputs.rows)));
  right = comm.sum(right);
  if (set.target_kind == io::TargetKind::classes) scores.accuracy = static_cast<double>(right) / samples;
  return scores;
}

void write_scores(Json& section, const Scores& scores) {
  if (scores.accuracy) section["accuracy"] = *scores.accuracy;
  if (scores.rmse) section["rmse"] = *scores.rmse;
  if (scores.nlpd) section["nlpd"] = *scores.nlpd;
  if (scores.nll) section["negative_log_likelihood"] = *scores.nll;
}

}  // namespace widegram::jobs
