#include "src/dkm/model.hpp"

#include <algorithm>
#include <new>

namespace widegram::dkm {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class Real>
Gram in_double(Block<Real> block, const ValueShape& shape) {
  Gram ti(shape.points, block.samples);
  for (Index n = 0; n < block.samples; ++n)
    for (Index i = 0; i < shape.points; ++i) ti(i, n) = block.ti[n * shape.rows() + i];
  return ti;
}

/// The error that work meets, for all ranks to know.
template <class Work>
std::optional<Error> captured(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ExitCode::usage,
                 "out of memory in a deep kernel machine: take smaller batches or more ranks");
  }
  return std::nullopt;
}

}  // namespace

template <class Real>
Model<Real>::Model(const ModelSpec& spec, Keep keep)
    : spec_(spec),
      plan_(make_plan<Real>(spec)),
      head_(spec, plan_.values.back().points, plan_.mean, plan_.factor, plan_.noise),
      executor_(plan_.steps, plan_.values, keep),
      grams_(plan_.values.size()) {}

template <class Real>
std::vector<double> Model<Real>::initial(MatrixView<const double> patches) const {
  std::vector<double> parameters(at(plan_.parameter_count));
  for (Index p = 0; p < plan_.patches.cols; ++p)
    std::copy_n(patches.column(p), plan_.patches.rows,
                parameters.data() + plan_.patches.begin + p * plan_.patches.rows);
  // Layer by layer: what one starts from depends on the kernel of the one before.
  Plan<Real> fresh = make_plan<Real>(spec_);
  std::vector<Gram> grams(fresh.values.size());
  Chain chain{.training = false};
  const Gram none;
  for (Step<Real>& step : fresh.steps) {
    const Gram& in = step.input ? grams[at(*step.input)] : none;
    step.op->initialise(parameters, in, spec_.seed);
    grams[at(step.output)] =
        step.op->chain(parameters, in, step.second ? grams[at(*step.second)] : none, chain);
  }
  head_.initialise(parameters, grams.back());
  return parameters;
}

/// What goes wrong here goes wrong on every rank, as the parameters are the same; but machines may differ.
template <class Real>
void Model<Real>::run_chain(std::span<const double> parameters, Chain& chain, const Reduce& reduce) {
  reduce({}, captured([&] { follow_chain(parameters, chain); }));
}

template <class Real>
void Model<Real>::follow_chain(std::span<const double> parameters, Chain& chain) {
  const Gram none;
  for (Step<Real>& step : plan_.steps)
    grams_[at(step.output)] = step.op->chain(parameters, step.input ? grams_[at(*step.input)] : none,
                                             step.second ? grams_[at(*step.second)] : none, chain);
  head_.chain(parameters, grams_.back(), chain);
}

template <class Real>
double Model<Real>::regularisation(std::span<const double> parameters, std::uint64_t step) {
  Chain chain{.step = step};
  follow_chain(parameters, chain);
  return chain.regularisation;
}

template <class Real>
void Model<Real>::run_chain_adjoint(std::span<const double> parameters, std::span<const double> sums,
                                    const Chain& chain, std::span<double> gradient) {
  std::vector<Gram> derivatives;
  for (const ValueShape& shape : plan_.values) derivatives.emplace_back(shape.points, shape.points);
  std::fill(gradient.begin(), gradient.end(), 0.0);
  const auto head_begin = at(executor_.sum_count());
  head_.chain_adjoint(sums.subspan(head_begin, at(head_.sum_count())), chain, derivatives.back(), gradient);
  Gram none;
  for (std::size_t s = plan_.steps.size(); s-- > 0;) {
    Step<Real>& step = plan_.steps[s];
    const Range of_step = executor_.sums_of(s);
    step.op->chain_adjoint(parameters, sums.subspan(at(of_step.begin), at(of_step.size())),
                           derivatives[at(step.output)], step.input ? derivatives[at(*step.input)] : none,
                           step.second ? derivatives[at(*step.second)] : none, chain, gradient);
  }
}

template <class Real>
Head::Score Model<Real>::score(const Batch& batch, std::uint64_t step, std::span<double> sums) {
  const Block<Real> output = executor_.output(), derivative = executor_.output_derivative();
  const ValueShape& shape = plan_.values.back();
  const std::vector<double> t(output.t, output.t + output.samples);
  std::vector<double> d_t(t.size());
  Gram d_ti;
  const Head::Score score = head_.score(in_double(output, shape), t, batch.targets, batch.ids, step,
                                        1 / static_cast<double>(batch.batch_samples), d_ti, d_t, sums);
  for (Index n = 0; n < output.samples; ++n) {
    for (Index i = 0; i < shape.points; ++i)
      derivative.ti[n * shape.rows() + i] = static_cast<Real>(d_ti(i, n));
    derivative.t[n] = static_cast<Real>(d_t[at(n)]);
  }
  return score;
}

template <class Real>
Evaluation Model<Real>::evaluate(std::span<const double> parameters, const Batch& batch, std::uint64_t step,
                                 const Reduce& reduce, std::span<double> gradient) {
  Chain chain{.step = step, .factor = 1 / static_cast<double>(batch.training_samples)};
  run_chain(parameters, chain, reduce);
  executor_.forward(batch.samples, batch.batch_samples, reduce);
  // The steps' sums, the head's, the score.
  const auto head_begin = at(executor_.sum_count()), head_count = at(head_.sum_count());
  std::vector<double> sums(head_begin + head_count + 2);
  Head::Score score;
  reduce({}, captured(
                 [&] { score = this->score(batch, step, std::span(sums).subspan(head_begin, head_count)); }));
  sums[head_begin + head_count] = score.log_likelihood;
  sums[head_begin + head_count + 1] = score.correct;
  if (gradient.empty()) {
    reduce(std::span(sums).last(2), {});
  } else {
    std::fill(executor_.sums().begin(), executor_.sums().end(), Real{0});
    executor_.adjoint(reduce);
    std::copy(executor_.sums().begin(), executor_.sums().end(), sums.begin());
    reduce(sums, {});
    run_chain_adjoint(parameters, sums, chain, gradient);
  }
  const double samples = static_cast<double>(batch.batch_samples);
  Evaluation result;
  result.log_likelihood = sums[head_begin + head_count] / samples;
  result.correct = sums[head_begin + head_count + 1] / samples;
  if (spec_.likelihood == Likelihood::gaussian) result.correct /= static_cast<double>(spec_.outputs);
  result.regularisation = chain.regularisation;
  result.objective = result.log_likelihood + chain.factor * chain.regularisation;
  return result;
}

template <class Real>
Predictions Model<Real>::predict(std::span<const double> parameters, const Batch& batch,
                                 const Reduce& reduce) {
  Chain chain{.training = false};
  run_chain(parameters, chain, reduce);
  executor_.forward(batch.samples, batch.batch_samples, reduce);
  Predictions result;
  reduce({}, captured([&] {
           const Block<Real> output = executor_.output();
           const std::vector<double> t(output.t, output.t + output.samples);
           Latents latents = head_.latents(in_double(output, plan_.values.back()), t);
           if (spec_.likelihood == Likelihood::categorical)
             result.log_probabilities = head_.log_probabilities(latents, batch.ids);
           result.mean = std::move(latents.mean);
           result.variance = std::move(latents.variance);
           result.noise = head_.noise();
         }));
  return result;
}

template <class Real>
double Model<Real>::flops_a_sample() const {
  double flops = 0;
  for (const Step<Real>& step : plan_.steps) flops += step.op->flops();
  return flops;
}

template <class Real>
double Model<Real>::flops_a_step() const {
  double flops = head_.chain_flops();
  for (const Step<Real>& step : plan_.steps) flops += step.op->chain_flops();
  return flops;
}

template class Model<float>;
template class Model<double>;

}  // namespace widegram::dkm
