#pragma once

#include <string>
#include <vector>

#include "io/predictions.hpp"
#include "jobs/problem.hpp"
#include "jobs/scores.hpp"

namespace widegram::jobs {

/// Variances of the predictions at all test samples, on every rank.
struct Variances {
  std::vector<double> values;
  io::VarianceNote note;
};

/// A model's answers to the whole test set, the same on every rank.
struct TestPredictions {
  std::string kernel;  ///< what predictions.h5 says that they come from
  std::string function;
  MatrixView<const double> mean;         ///< M x K
  const Variances* variances = nullptr;  ///< null: none
  /// Of the classes, M x K, where the model has a likelihood of classes: they decide the class, and count in
  /// place of mean and variances. Empty: none.
  MatrixView<const double> log_probabilities{};
};

/// Collective. Writes predictions.h5, each rank the part of its own test samples. Throws
/// CollectiveError(files).
void write_predictions(const CommandContext& context, const Problem& problem,
                       const TestPredictions& predictions);

/// Collective. How good the logs of the classes' probabilities at a set's samples are, which every rank has,
/// a row a sample: accuracy, and the mean negative logarithm of the true class's.
Scores score_classes(const mpi::Communicator& comm, const io::DataSet& set, MatrixView<const double> logs);

/// Collective. How good answers to the test set are; with variances, their density too.
Scores score_test(const CommandContext& context, const io::DataSet& test, const TestPredictions& predictions);

/// "test accuracy 88.10 %, ..."
std::string in_words(const Scores& scores);

/// Collective. Says how good the answers to the test set are and puts it into metrics["test"].
void report_test_scores(const CommandContext& context, const io::DataSet& test,
                        const TestPredictions& predictions, Metrics& metrics);

}  // namespace widegram::jobs
