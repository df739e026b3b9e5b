#include "io/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/feature_statistics.hpp"
#include "io/whitening.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

/// Divides by each sample's norm; returns how many samples are zero and stay so.
Index normalize_samples(Matrix<double>& inputs) {
  Index zeros = 0;
  for (Index j = 0; j < inputs.cols(); ++j) {
    const std::span sample(inputs.column(j), static_cast<std::size_t>(inputs.rows()));
    // Scaled by the largest entry, so that squares neither overflow nor vanish.
    double largest = 0;
    for (const double value : sample) largest = std::max(largest, std::abs(value));
    if (largest == 0) {
      ++zeros;
      continue;
    }
    double sum = 0;
    for (const double value : sample) sum += (value / largest) * (value / largest);
    const double root = std::sqrt(sum);
    for (double& value : sample) value = value / largest / root;
  }
  return zeros;
}

void subtract(Matrix<double>& inputs, const std::vector<double>& shift) {
  for (Index j = 0; j < inputs.cols(); ++j)
    for (std::size_t i = 0; i < shift.size(); ++i) inputs.column(j)[i] -= shift[i];
}

void divide(Matrix<double>& inputs, const std::vector<double>& divisor) {
  for (Index j = 0; j < inputs.cols(); ++j)
    for (std::size_t i = 0; i < divisor.size(); ++i) inputs.column(j)[i] /= divisor[i];
}

void check_finite_after(const Step& step, const DataSet& set) {
  for (Index j = 0; j < set.inputs.cols(); ++j)
    for (Index i = 0; i < set.inputs.rows(); ++i)
      if (!std::isfinite(set.inputs(i, j)))
        throw Error(ExitCode::data,
                    fmt::format("{}: {} overflows: feature {} of sample {} of those read is {}", set.source,
                                to_string(step), i, set.local.begin + j, set.inputs(i, j)));
}

/// Divisors of standardize: 1 where the feature is constant. The features where it is are named in the
/// warning.
std::string guard_constants(std::vector<double>& deviation, const std::string& source) {
  Index constant = 0;
  std::string first;
  for (std::size_t i = 0; i < deviation.size(); ++i) {
    if (deviation[i] != 0) continue;
    deviation[i] = 1;
    if (++constant <= 5) first += (first.empty() ? "" : ", ") + std::to_string(i);
  }
  if (constant == 0) return {};
  return fmt::format(
      "standardize: {} of {} features have the same value in every sample of {} (feature {}{}): they are "
      "centred and not divided",
      constant, deviation.size(), source, first, constant > 5 ? ", ..." : "");
}

}  // namespace

void Preprocessor::fit_step(const mpi::Communicator& comm, const Step& step, DataSet& training) {
  Fitted fitted{step, {}, {}, {}};
  if (step.kind == Step::Kind::zca) {
    // Centred in place first: the covariance needs no second copy of the data.
    fit_step(comm, {Step::Kind::center, 0}, training);
    fitted.transform = whitening_transform(comm, training.inputs, training.samples(), step.value);
  } else if (step.kind == Step::Kind::center || step.kind == Step::Kind::standardize) {
    FeatureStatistics statistics = feature_statistics(comm, training.inputs, training.samples());
    fitted.shift = std::move(statistics.mean);
    if (step.kind == Step::Kind::standardize) {
      const std::string warning = guard_constants(statistics.deviation, training.source);
      if (!warning.empty()) warnings_.push_back(warning);
      fitted.divisor = std::move(statistics.deviation);
    }
  }
  steps_.push_back(std::move(fitted));
  apply_step(comm, steps_.back(), training);
}

void Preprocessor::apply_step(const mpi::Communicator& comm, const Fitted& fitted, DataSet& set) {
  Index zeros = 0;
  mpi::collectively(comm, [&] {
    subtract(set.inputs, fitted.shift);
    divide(set.inputs, fitted.divisor);
    if (fitted.step.kind == Step::Kind::normalize) zeros = normalize_samples(set.inputs);
    if (fitted.step.kind == Step::Kind::zca) apply_whitening(fitted.transform, set.inputs.view());
    if (fitted.step.kind == Step::Kind::scale)
      for (Index j = 0; j < set.inputs.cols(); ++j)
        for (Index i = 0; i < set.inputs.rows(); ++i) set.inputs(i, j) *= fitted.step.value;
    check_finite_after(fitted.step, set);
  });
  zeros = comm.sum(zeros);
  if (zeros > 0)
    warnings_.push_back(fmt::format("normalize: {} of {} samples of {} are zero and stay so", zeros,
                                    set.samples(), set.source));
}

Preprocessor Preprocessor::fit(const mpi::Communicator& comm, std::span<const Step> steps,
                               DataSet& training) {
  Preprocessor result;
  for (const Step& step : steps) result.fit_step(comm, step, training);
  return result;
}

void Preprocessor::apply(const mpi::Communicator& comm, DataSet& set) {
  for (const Fitted& fitted : steps_) {
    mpi::collectively(comm, [&] {
      if (!fitted.shift.empty() && std::ssize(fitted.shift) != set.features())
        throw Error(ExitCode::data, fmt::format("{}: {} features, but {} was fitted to {}", set.source,
                                                set.features(), to_string(fitted.step), fitted.shift.size()));
    });
    apply_step(comm, fitted, set);
  }
}

}  // namespace widegram::io
