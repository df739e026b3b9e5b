#include "jobs/dkm_prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "io/encoding.hpp"
#include "jobs/prediction_file.hpp"
#include "jobs/scores.hpp"
#include "solvers/dkm/gram_map.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack_triangular.hpp"

namespace widegram::jobs {
namespace {

using dist::DistributedMatrix;

/// <x_i, x_t> / features for some test samples, and <x_t, x_t> / features.
struct TestGram {
  DistributedMatrix<double> cross;
  std::vector<double> own;
};

TestGram test_gram(const DistributedMatrix<double>& x, const io::DataSet& test, Range samples) {
  const Index features = test.features();
  const double share = 1.0 / static_cast<double>(features);
  std::vector<GlobalIndex> wanted(static_cast<std::size_t>(samples.size()));
  std::iota(wanted.begin(), wanted.end(), samples.begin);
  const Matrix<double> inputs =
      dist::fetch_columns<double>(x.grid().comm(), test.inputs.view(), test.partition, wanted);
  TestGram gram{{x.grid(), x.rows(), samples.size(), x.block()}, {}};
  DistributedMatrix<double> spread(x.grid(), features, samples.size(), x.block());
  dist::scatter<double>(inputs.view(), spread);
  dist::gemm(dist::Transpose::no, x, spread, gram.cross);
  const MatrixView<double> local = gram.cross.local();
  for (LocalIndex j = 0; j < local.cols; ++j)
    for (LocalIndex i = 0; i < local.rows; ++i) local(i, j) *= share;
  for (Index t = 0; t < samples.size(); ++t)
    gram.own.push_back(
        share * std::inner_product(inputs.column(t), inputs.column(t) + features, inputs.column(t), 0.0));
  return gram;
}

void score_training(const CommandContext& context, const io::DataSet& train,
                    const dkm::FullPredictor& predictor, double noise, Metrics& metrics) {
  const Matrix<double> targets = io::encode(train, context.job->data.encoding);
  const Matrix<double> alpha = predictor.coefficients();
  Matrix<double> fitted = targets;
  for (Index i = 0; i < fitted.cols(); ++i)
    for (Index k = 0; k < fitted.rows(); ++k) fitted(k, i) -= noise * alpha(train.local.begin + i, k);
  write_scores(metrics["train"], score(context.comm, train, fitted.view(), targets.view()));
}

/// What a machine answers to all test samples, on every rank.
struct TestAnswers {
  Matrix<double> mean;
  Variances variances;

  /// Refers to these answers.
  TestPredictions predictions(std::string kernel, std::string function) const {
    return {.kernel = std::move(kernel),
            .function = std::move(function),
            .mean = mean.view(),
            .variances = &variances};
  }
};

TestAnswers answer_test(const CommandContext& context, const Problem& problem, const DkmInputs& inputs,
                        const dkm::FullPredictor& predictor, double noise, const char* what) {
  const Index stretch = 4 * inputs.x.block() * inputs.x.grid().cols();
  TestAnswers answers{.mean = Matrix<double>(problem.m(), problem.train.outputs),
                      .variances = {.values = {}, .note = {.kind = "deep kernel machine", .noise = noise}}};
  Phase phase(context.progress, what, problem.m(), "samples");
  for (Index begin = 0; begin < problem.m(); begin += stretch) {
    const Range samples{begin, std::min(problem.m(), begin + stretch)};
    TestGram gram = test_gram(inputs.x, *problem.test, samples);
    const dkm::FullPrediction part = predictor.predict(std::move(gram.cross), std::move(gram.own), begin);
    for (Index k = 0; k < answers.mean.cols(); ++k)
      std::copy_n(part.mean.column(k), samples.size(), answers.mean.column(k) + begin);
    answers.variances.values.insert(answers.variances.values.end(), part.variance.begin(),
                                    part.variance.end());
    phase.update(samples.end);
  }
  phase.finish();
  return answers;
}

}  // namespace

DkmInputs DkmInputs::of(const dist::ProcessGrid& grid, const io::DataSet& train) {
  return {dist::to_block_cyclic<double>(grid, train.inputs.view(), train.partition)};
}

DistributedMatrix<double> DkmInputs::gram() const {
  DistributedMatrix<double> gram(x.grid(), x.rows(), x.rows(), x.block());
  dist::syrk(1.0 / static_cast<double>(x.cols()), x, 0.0, gram);
  return gram;
}

void predict_with_dkm(const CommandContext& context, const Problem& problem, const DkmInputs& inputs,
                      const dkm::FullPredictor& predictor, double noise, Metrics& metrics) {
  score_training(context, problem.train, predictor, noise, metrics);
  if (!problem.test) return;
  const Timer timer;
  const TestAnswers answers = answer_test(context, problem, inputs, predictor, noise, "predict");
  const TestPredictions predictions =
      answers.predictions(fmt::format("full deep kernel machine, {} layers, kernel {}",
                                      context.job->dkm.depth, context.job->dkm.kernel_toml),
                          "dkm");
  write_predictions(context, problem, predictions);
  report_test_scores(context, *problem.test, predictions, metrics);
  metrics["predict"]["seconds"] = context.comm.max(timer.seconds());
}

void compare_with_nngp(const CommandContext& context, const Problem& problem, const DkmInputs& inputs,
                       const dkm::KernelMap<double>& map, const DistributedMatrix<double>& targets,
                       double noise, Json& section) {
  const DkmSection& dkm = context.job->dkm;
  dkm::FullMachine machine{
      .grams = {}, .targets = targets.copy(), .noise = noise, .jitter = dkm.used_jitter()};
  machine.grams.push_back(inputs.gram());
  for (auto& gram : dkm::nngp_grams(map, machine.grams.front(), dkm.depth, dkm.used_jitter()))
    machine.grams.push_back(std::move(gram));
  const dkm::FullPredictor predictor(map, std::move(machine));
  const TestAnswers answers = answer_test(context, problem, inputs, predictor, noise, "nngp");
  const Scores scores = score_test(context, *problem.test, answers.predictions(dkm.kernel_toml, "nngp"));
  write_scores(section, scores);
  context.progress.note(in_words(scores) + " for the infinitely wide network");
}

}  // namespace widegram::jobs
