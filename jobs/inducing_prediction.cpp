#include "jobs/inducing_prediction.hpp"

#include "io/encoding.hpp"
#include "jobs/prediction_file.hpp"
#include "solvers/block_algebra.hpp"

namespace widegram::jobs {
namespace {

template <class Real>
dkm::Predictions predictions_for(const InducingTask<Real>& task, const io::InducingModel& model,
                                 const io::DataSet& set) {
  const dkm::Samples samples{.inputs = set.inputs.view(), .held = set.partition};
  return dkm::predict(task.context.comm, task.model, model.parameters, samples, task.context.job->dkm.batch,
                      task.transform);
}

template <class Real>
Scores training_scores(const InducingTask<Real>& task, const io::InducingModel& model) {
  const io::DataSet& train = task.problem.train;
  const dkm::Predictions said = predictions_for(task, model, train);
  if (said.log_probabilities.cols() > 0)
    return score_classes(task.context.comm, train, solvers::transposed(said.log_probabilities).view());
  const Matrix<double> targets = io::encode(train, task.context.job->data.encoding);
  return score(task.context.comm, train, said.mean.view().block({0, said.mean.rows()}, train.local),
               targets.view());
}

}  // namespace

template <class Real>
void predict_with_inducing(const InducingTask<Real>& task, const io::InducingModel& model, Metrics& metrics) {
  const CommandContext& context = task.context;
  write_scores(metrics["train"], training_scores(task, model));
  if (!task.problem.test) return;
  const Timer timer;
  dkm::Predictions said = predictions_for(task, model, *task.problem.test);
  const Matrix<double> mean = solvers::transposed(said.mean);
  const Matrix<double> logs = solvers::transposed(said.log_probabilities);
  const Variances variances{.values = std::move(said.variance),
                            .note = {.kind = "deep kernel machine", .noise = model.noise}};
  const TestPredictions predictions{.kernel = model.kind + " deep kernel machine, " + model.kernel,
                                    .function = "dkm",
                                    .mean = mean.view(),
                                    .variances = &variances,
                                    .log_probabilities = logs.view()};
  write_predictions(context, task.problem, predictions);
  report_test_scores(context, *task.problem.test, predictions, metrics);
  metrics["predict"]["seconds"] = context.comm.max(timer.seconds());
}
template void predict_with_inducing(const InducingTask<float>&, const io::InducingModel&, Metrics&);
template void predict_with_inducing(const InducingTask<double>&, const io::InducingModel&, Metrics&);

}  // namespace widegram::jobs
