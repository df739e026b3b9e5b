#include "jobs/predict_stage.hpp"

#include <optional>

#include "jobs/prediction_file.hpp"
#include "jobs/test_outputs.hpp"
#include "jobs/variance_stage.hpp"
#include "src/base/timer.hpp"

namespace widegram::jobs {

template <class Real>
void predict_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                   GramStage<Real>& gram, GramInverse* train, Metrics& metrics) {
  const Timer timer;
  std::optional<Variances> variances;
  TestPass<Real> with_variances;
  if (train != nullptr)
    with_variances = [&](const typename GramStage<Real>::TestConsumer& consume) {
      variances = variance_stage<Real>(context, problem, model, gram, *train, consume, metrics);
    };
  const Matrix<double> mean = test_outputs(context, problem, model.alpha.view(), gram, with_variances);
  const TestPredictions predictions{.kernel = problem.header.kernel,
                                    .function = problem.header.function,
                                    .mean = mean.view(),
                                    .variances = variances ? &*variances : nullptr};
  write_predictions(context, problem, predictions);
  report_test_scores(context, *problem.test, predictions, metrics);
  metrics["predict"]["seconds"] = context.comm.max(timer.seconds());
}

template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<float>&,
                            GramInverse*, Metrics&);
template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<double>&,
                            GramInverse*, Metrics&);

}  // namespace widegram::jobs
