#include "jobs/prediction_file.hpp"

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>

#include "io/encoding.hpp"
#include "io/predictions.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/scores.hpp"
#include "solvers/block_algebra.hpp"
#include "solvers/gaussian_process.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Negative log density of the targets a value; nothing where a Gaussian is no model of them (one-hot
/// targets, whose mean is not zero), or is a spike.
std::optional<double> density(const CommandContext& context, const io::DataSet& test,
                              const Matrix<double>& local_targets, MatrixView<const double> mean,
                              const Variances& variances) {
  if (test.target_kind == io::TargetKind::classes && context.job->data.encoding != io::Encoding::centered)
    return std::nullopt;
  const Matrix<double> targets =
      dist::gather_parts(context.comm, test.partition, solvers::transposed(local_targets).view());
  try {
    return solvers::negative_log_predictive_density(targets.view(), mean, variances.values,
                                                    variances.note.noise);
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::numerical) throw;
    context.progress.warn(fmt::format("no negative log predictive density: {}", error.what()));
    return std::nullopt;
  }
}

}  // namespace

void write_predictions(const CommandContext& context, const Problem& problem,
                       const TestPredictions& predictions) {
  const io::DataSet& test = *problem.test;
  const MatrixView<const double> mean = predictions.mean;
  const Variances* variances = predictions.variances;
  const bool classes = test.target_kind == io::TargetKind::classes;
  auto writer = io::PredictionsWriter::create(
      context.comm, in_output(*context.job, "predictions.h5"),
      {.m = problem.m(),
       .k = mean.cols,
       .classes = classes,
       .targets = test.target_kind,
       .kernel = predictions.kernel,
       .function = predictions.function,
       .test_hash = checksum(std::span(problem.header.test_samples)),
       .variance = variances != nullptr ? std::optional(variances->note) : std::nullopt,
       .log_probabilities = !predictions.log_probabilities.empty()});
  mpi::collectively(context.comm, [&] {
    writer.write_mean(test.local.begin, mean.block(test.local, {0, mean.cols}));
    if (!predictions.log_probabilities.empty())
      writer.write_log_probabilities(test.local.begin,
                                     predictions.log_probabilities.block(test.local, {0, mean.cols}));
    if (variances != nullptr)
      writer.write_variance(test.local.begin, std::span(variances->values)
                                                  .subspan(static_cast<std::size_t>(test.local.begin),
                                                           static_cast<std::size_t>(test.local.size())));
    if (classes) {
      writer.write_target_classes(test.local.begin, test.classes);
      return;
    }
    Matrix<double> values(test.local.size(), test.outputs);
    for (Index i = 0; i < values.rows(); ++i)
      for (Index k = 0; k < values.cols(); ++k) values(i, k) = test.values(k, i);
    writer.write_target_values(test.local.begin, values.view());
  });
  writer.finish();
}

Scores score_classes(const mpi::Communicator& comm, const io::DataSet& set, MatrixView<const double> logs) {
  Index right = 0;
  double sum = 0;
  for (Index i = 0; i < set.local.size(); ++i) {
    const Index row = set.local.begin + i, label = set.classes[static_cast<std::size_t>(i)];
    Index best = 0;
    for (Index k = 1; k < logs.cols; ++k)
      if (logs(row, k) > logs(row, best)) best = k;
    right += best == label ? 1 : 0;
    sum -= logs(row, label);
  }
  const auto samples = static_cast<double>(set.samples());
  Scores scores;
  scores.accuracy = static_cast<double>(comm.sum(right)) / samples;
  scores.nll = comm.sum(sum) / samples;
  return scores;
}

Scores score_test(const CommandContext& context, const io::DataSet& test,
                  const TestPredictions& predictions) {
  if (!predictions.log_probabilities.empty())
    return score_classes(context.comm, test, predictions.log_probabilities);
  const MatrixView<const double> mean = predictions.mean;
  Matrix<double> local(mean.cols, test.local.size());
  for (Index i = 0; i < local.cols(); ++i)
    for (Index k = 0; k < local.rows(); ++k) local(k, i) = mean(test.local.begin + i, k);
  const Matrix<double> targets = io::encode(test, context.job->data.encoding);
  Scores scores = score(context.comm, test, local.view(), targets.view());
  if (predictions.variances != nullptr)
    scores.nlpd = density(context, test, targets, mean, *predictions.variances);
  return scores;
}

std::string in_words(const Scores& scores) {
  std::string text = scores.accuracy ? fmt::format("test accuracy {:.2f} %", 100 * *scores.accuracy)
                                     : fmt::format("test RMSE {:.6g}", scores.rmse.value_or(0));
  if (scores.nlpd) text += fmt::format(", negative log predictive density {:.6g}", *scores.nlpd);
  if (scores.nll) text += fmt::format(", negative log likelihood {:.6g}", *scores.nll);
  return text;
}

void report_test_scores(const CommandContext& context, const io::DataSet& test,
                        const TestPredictions& predictions, Metrics& metrics) {
  const Scores scores = score_test(context, test, predictions);
  write_scores(metrics["test"], scores);
  context.progress.note(in_words(scores));
}

}  // namespace widegram::jobs
