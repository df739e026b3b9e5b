#include "jobs/inducing_training.hpp"

#include <cmath>

namespace widegram::jobs {

template <class Real>
io::InducingModel untrained(const InducingTask<Real>& task) {
  const DkmSection& dkm = task.context.job->dkm;
  const Problem& problem = task.problem;
  io::InducingModel model;
  model.kind = to_string(dkm.kind);
  model.problem = inducing_problem_text(dkm, problem);
  model.kernel = inducing_network_text(dkm);
  model.likelihood = to_string(dkm.likelihood);
  model.train_hash = problem.model.train_hash;
  model.target_hash = problem.model.target_hash;
  model.classes = problem.model.classes;
  model.encoding = problem.model.encoding;
  model.n = problem.n();
  model.jitter = dkm.used_jitter();
  return model;
}
template io::InducingModel untrained(const InducingTask<float>&);
template io::InducingModel untrained(const InducingTask<double>&);

template <class Real>
double noise_at(const dkm::Model<Real>& model, const std::vector<double>& parameters) {
  if (model.spec().likelihood == dkm::Likelihood::categorical) return 0;
  for (const dkm::Slice& slice : model.parameters())
    if (slice.name == "output: log noise") return std::exp(parameters[static_cast<std::size_t>(slice.begin)]);
  return model.spec().noise;
}
template double noise_at(const dkm::Model<float>&, const std::vector<double>&);
template double noise_at(const dkm::Model<double>&, const std::vector<double>&);

}  // namespace widegram::jobs
