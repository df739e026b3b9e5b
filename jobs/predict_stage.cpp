#include "jobs/predict_stage.hpp"

#include <fmt/format.h>

#include "io/encoding.hpp"
#include "io/predictions.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/scores.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// outputs(:, i) += sum_j tile(i, j) alpha(j, :)
template <class Real>
void add_products(MatrixView<const Real> tile, MatrixView<const double> alpha, MatrixView<double> outputs) {
  for (Index k = 0; k < alpha.cols; ++k)
    for (Index j = 0; j < tile.cols; ++j)
      for (Index i = 0; i < tile.rows; ++i) outputs(i, k) += static_cast<double>(tile(i, j)) * alpha(j, k);
}

void write_predictions(const CommandContext& context, const Problem& problem, MatrixView<const double> mean) {
  const io::DataSet& test = *problem.test;
  const bool classes = test.target_kind == io::TargetKind::classes;
  auto writer =
      io::PredictionsWriter::create(context.comm, in_output(*context.job, "predictions.h5"),
                                    {.m = problem.m(),
                                     .k = mean.cols,
                                     .classes = classes,
                                     .targets = test.target_kind,
                                     .kernel = problem.header.kernel,
                                     .function = problem.header.function,
                                     .test_hash = checksum(std::span(problem.header.test_samples))});
  mpi::collectively(context.comm, [&] {
    writer.write_mean(test.local.begin, mean.block(test.local, {0, mean.cols}));
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

}  // namespace

template <class Real>
void predict_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                   GramStage<Real>& gram, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const io::DataSet& test = *problem.test;
  const Timer timer;
  Matrix<double> mean(problem.m(), model.alpha.cols());
  const dist::Tiling rows{problem.m(), gram.layout().tile};
  const dist::Tiling cols = gram.layout().tiles();
  const Range outputs{0, mean.cols()};
  gram.test([&](TileIndex row, TileIndex col, MatrixView<const Real> tile) {
    add_products<Real>(tile, model.alpha.view().block(cols.range(col), outputs),
                       mean.view().block(rows.range(row), outputs));
  });
  comm.all_reduce(std::span(mean.data(), static_cast<std::size_t>(mean.rows() * mean.cols())), MPI_SUM);
  write_predictions(context, problem, mean.view());

  Matrix<double> local(mean.cols(), test.local.size());
  for (Index i = 0; i < local.cols(); ++i)
    for (Index k = 0; k < local.rows(); ++k) local(k, i) = mean(test.local.begin + i, k);
  const Scores scores = score(comm, test, local.view(), io::encode(test, context.job->data.encoding).view());
  write_scores(metrics["test"], scores);
  metrics["predict"]["seconds"] = comm.max(timer.seconds());
  context.progress.note(scores.accuracy ? fmt::format("test accuracy {:.2f} %", 100 * *scores.accuracy)
                                        : fmt::format("test RMSE {:.6g}", scores.rmse));
}

template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<float>&,
                            Metrics&);
template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<double>&,
                            Metrics&);

}  // namespace widegram::jobs
