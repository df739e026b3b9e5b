#include "src/dkm/executor.hpp"

#include <algorithm>
#include <new>

#include "src/dkm/conv_op.hpp"
#include "src/dkm/passes.hpp"

namespace widegram::dkm {
namespace {

/// What a block's largest value may take of the second-level cache.
constexpr Index block_bytes = Index{128} * 1024;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

void reduce_alone(std::span<double>, const std::optional<Error>& error) {
  if (error) throw *error;
}

template <class Real>
Executor<Real>::Executor(std::vector<Step<Real>>& steps, const std::vector<ValueShape>& values, Keep keep)
    : steps_(steps), values_(values), stored_(values.size()), derivatives_(values.size()), sum_begin_{0} {
  find_phases();
  find_kept(keep);
  for (const Step<Real>& step : steps_) sum_begin_.push_back(sum_begin_.back() + step.op->sum_count());
  sums_.assign(at(sum_begin_.back()), Real{0});
}

/// A phase ends where all samples' variances have to be known.
template <class Real>
void Executor<Real>::find_phases() {
  Index begin = 0;
  const auto end_at = [&](Index end) {
    Index largest = 1;
    for (Index s = begin; s < end; ++s) {
      const ValueShape& shape = values_[at(steps_[at(s)].output)];
      largest = std::max(largest, shape.rows() * shape.positions() * static_cast<Index>(sizeof(Real)));
      if (steps_[at(s)].input) {
        const ValueShape& input = values_[at(*steps_[at(s)].input)];
        largest = std::max(largest, input.rows() * input.positions() * static_cast<Index>(sizeof(Real)));
      }
    }
    phases_.push_back({{begin, end}, std::max(Index{1}, block_bytes / largest)});
    begin = end;
  };
  for (Index s = 1; s < std::ssize(steps_); ++s)
    if (steps_[at(s)].op->statistic_count() > 0) end_at(s);
  end_at(std::ssize(steps_));
}

template <class Real>
void Executor<Real>::find_kept(Keep keep) {
  std::vector<Index> made_in(values_.size());
  crossing_.assign(values_.size(), false);
  for (std::size_t p = 0; p < phases_.size(); ++p)
    for (Index s = phases_[p].steps.begin; s < phases_[p].steps.end; ++s) {
      const Step<Real>& step = steps_[at(s)];
      made_in[at(step.output)] = static_cast<Index>(p);
      for (const std::optional<Index>& v : {step.input, step.second})
        if (v && made_in[at(*v)] != static_cast<Index>(p)) crossing_[at(*v)] = true;
    }
  crossing_[at(last())] = true;
  kept_ = crossing_;
  for (const Step<Real>& step : steps_)
    if (keep == Keep::expensive && step.op->expensive()) kept_[at(step.output)] = true;
}

template <class Real>
Index Executor<Real>::bytes(Index samples) const {
  Index numbers = 0;
  for (std::size_t v = 0; v < values_.size(); ++v)
    numbers += (values_[v].rows() + 1) * values_[v].positions() *
               (static_cast<Index>(kept_[v]) + static_cast<Index>(crossing_[v]));
  return numbers * samples * static_cast<Index>(sizeof(Real));
}

template <class Real>
void Executor<Real>::size_for(Index samples) {
  const auto size = [&](Stored& stored, const ValueShape& shape, Index count) {
    at_least(stored.ti, shape.rows() * shape.positions() * count);
    at_least(stored.t, shape.positions() * count);
  };
  for (const Phase& phase : phases_)
    for (Index s = phase.steps.begin; s < phase.steps.end; ++s) {
      const Step<Real>& step = steps_[at(s)];
      const ValueShape& shape = values_[at(step.output)];
      size(stored_[at(step.output)], shape, kept_[at(step.output)] ? samples : phase.block);
      size(derivatives_[at(step.output)], shape, crossing_[at(step.output)] ? samples : phase.block);
      if (!step.input) continue;
      size(part_, values_[at(*step.input)], phase.block);
      size(second_part_, values_[at(*step.input)], phase.block);
    }
}

template <class Real>
Block<Real> Executor<Real>::block_of(Stored& stored, const ValueShape& shape, Index first, Index samples,
                                     bool whole) {
  const Index skip = whole ? first * shape.positions() : 0;
  return {stored.ti.data() + skip * shape.rows(), stored.t.data() + skip, samples};
}
template <class Real>
Block<Real> Executor<Real>::value(std::optional<Index> v, Index first, Index samples) {
  if (!v) return {nullptr, nullptr, samples};
  return block_of(stored_[at(*v)], values_[at(*v)], first, samples, kept_[at(*v)]);
}
template <class Real>
Block<Real> Executor<Real>::derivative(std::optional<Index> v, Index first, Index samples) {
  if (!v) return {nullptr, nullptr, samples};
  return block_of(derivatives_[at(*v)], values_[at(*v)], first, samples, crossing_[at(*v)]);
}

/// use(first, samples) for every block, until one fails: the error is for all ranks to know.
template <class Real>
template <class Use>
std::optional<Error> Executor<Real>::for_blocks(const Phase& phase, const Use& use) {
  try {
    for (Index first = 0; first < samples_.cols; first += phase.block)
      use(first, std::min(phase.block, samples_.cols - first));
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ExitCode::usage,
                 "out of memory in a deep kernel machine's batch: take smaller batches or more ranks");
  }
  return std::nullopt;
}

template <class Real>
void Executor<Real>::forward(MatrixView<const double> samples, Index batch_samples, const Reduce& reduce) {
  samples_ = samples;
  batch_samples_ = batch_samples;
  std::optional<Error> error =
      for_blocks({{0, 0}, std::max(samples.cols, Index{1})}, [&](Index, Index) { size_for(samples.cols); });
  for (const Phase& phase : phases_) {
    prepare_statistics(phase, reduce, error);
    error = for_blocks(phase, [&](Index first, Index count) { run_forward(phase, first, count); });
  }
  reduce({}, error);
}

template <class Real>
void Executor<Real>::prepare_statistics(const Phase& phase, const Reduce& reduce,
                                        const std::optional<Error>& error) {
  const Step<Real>& step = steps_[at(phase.steps.begin)];
  std::vector<double> sums(at(step.op->statistic_count()));
  if (sums.empty() && phase.steps.begin == 0) {
    reduce({}, error);
    return;
  }
  if (!error) step.op->add_statistics(value(step.input, 0, samples_.cols), sums);
  reduce(sums, error);
  step.op->set_statistics(sums, batch_samples_);
}

template <class Real>
void Executor<Real>::run_forward(const Phase& phase, Index first, Index samples) {
  for (Index s = phase.steps.begin; s < phase.steps.end; ++s) {
    Step<Real>& step = steps_[at(s)];
    if (!step.input) set_samples(*step.op, samples_.block({0, samples_.rows}, {first, first + samples}));
    step.op->forward(value(step.input, first, samples), value(step.second, first, samples),
                     value(step.output, first, samples));
  }
}

template <class Real>
void Executor<Real>::adjoint(const Reduce& reduce) {
  started_.assign(values_.size(), false);
  started_[at(last())] = true;
  for (auto phase = phases_.rbegin(); phase != phases_.rend(); ++phase) {
    const std::vector<bool> before = started_;
    const std::optional<Error> error = for_blocks(*phase, [&](Index first, Index count) {
      started_ = before;
      run_adjoint(*phase, first, count);
    });
    finish_statistics(*phase, reduce, error);
  }
}

template <class Real>
void Executor<Real>::run_adjoint(const Phase& phase, Index first, Index samples) {
  for (Index s = phase.steps.begin; s < phase.steps.end; ++s) {
    Step<Real>& step = steps_[at(s)];
    if (!step.input) set_samples(*step.op, samples_.block({0, samples_.rows}, {first, first + samples}));
    if (kept_[at(step.output)] && !step.op->rerun()) continue;
    step.op->forward(value(step.input, first, samples), value(step.second, first, samples),
                     value(step.output, first, samples));
  }
  for (Index s = phase.steps.end; s-- > phase.steps.begin;) {
    Step<Real>& step = steps_[at(s)];
    const bool direct = step.input && !started_[at(*step.input)];
    const Block<Real> d_in = !step.input ? Block<Real>{}
                             : direct    ? derivative(step.input, first, samples)
                                         : Block<Real>{part_.ti.data(), part_.t.data(), samples};
    const Block<Real> d_second{second_part_.ti.data(), second_part_.t.data(), samples};
    const Range sums = sums_of(at(s));
    step.op->adjoint(value(step.input, first, samples), value(step.second, first, samples),
                     value(step.output, first, samples), derivative(step.output, first, samples), d_in,
                     d_second, std::span(sums_).subspan(at(sums.begin), at(sums.size())));
    if (direct) started_[at(*step.input)] = true;
    if (step.input && !direct) put_derivative(*step.input, d_in, first, samples);
    if (step.second) put_derivative(*step.second, d_second, first, samples);
  }
}

template <class Real>
void Executor<Real>::put_derivative(Index v, Block<const Real> part, Index first, Index samples) {
  const Block<Real> to = derivative(v, first, samples);
  const Index count = samples * values_[at(v)].positions();
  const Real keep = started_[at(v)] ? Real{1} : Real{0};
  const auto put = [&](const Real* from, Index numbers, Real* target) {
    column_passes<Real>().combine(1, from, 1, keep != 0 ? target : nullptr, numbers, target);
  };
  put(part.ti, count * values_[at(v)].rows(), to.ti);
  put(part.t, count, to.t);
  started_[at(v)] = true;
}

template <class Real>
void Executor<Real>::finish_statistics(const Phase& phase, const Reduce& reduce,
                                       const std::optional<Error>& error) {
  const Step<Real>& step = steps_[at(phase.steps.begin)];
  std::vector<double> sums(at(step.op->statistic_count()));
  step.op->take_statistic_sums(sums);
  reduce(sums, error);
  if (!sums.empty())
    step.op->add_statistic_adjoint(sums, batch_samples_, derivative(step.input, 0, samples_.cols));
}

template class Executor<float>;
template class Executor<double>;

}  // namespace widegram::dkm
