#pragma once

#include <cmath>
#include <numeric>
#include <vector>

#include "src/base/random.hpp"
#include "src/dkm/model.hpp"

namespace widegram::dkm::test {

/// r(k) = sin(a k^2 + b), k = 0, 1, ...
inline std::vector<double> filled(Index count, double a, double b) {
  std::vector<double> values;
  for (Index k = 0; k < count; ++k) values.push_back(std::sin(a * static_cast<double>(k * k) + b));
  return values;
}

/// Normal numbers.
inline Matrix<double> noise(Index rows, Index cols, std::uint32_t stream) {
  const CounterRandom random(11, stream);
  Matrix<double> values(rows, cols);
  for (Index k = 0; k < rows * cols; ++k) values.data()[k] = random.normal(static_cast<std::uint64_t>(k));
  return values;
}

/// Samples with targets of both kinds.
struct Problem {
  Matrix<double> samples, values;
  std::vector<std::int64_t> labels, ids;

  Problem(const SampleShape& shape, Index outputs, Index count)
      : samples(noise(shape.features(), count, 1)),
        values(noise(outputs, count, 2)),
        ids(static_cast<std::size_t>(count)) {
    for (Index n = 0; n < count; ++n) labels.push_back((3 * n + 1) % outputs);
    std::iota(ids.begin(), ids.end(), 100);
  }
  Batch batch(Range part, Index training_samples = 40) const {
    const auto begin = static_cast<std::size_t>(part.begin), size = static_cast<std::size_t>(part.size());
    return {
        .samples = samples.view().block({0, samples.rows()}, part),
        .targets = {values.view().block({0, values.rows()}, part), std::span(labels).subspan(begin, size)},
        .ids = std::span(ids).subspan(begin, size),
        .batch_samples = samples.cols(),
        .training_samples = training_samples};
  }
  Batch batch() const { return batch({0, samples.cols()}); }
};

/// Parameters where no two things are alike by chance.
template <class Real>
std::vector<double> some_parameters(const Model<Real>& model) {
  std::vector<double> parameters = model.initial(noise(model.patch_features(), model.patches(), 3).view());
  const CounterRandom random(12, 0);
  for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k] += 0.1 * random.normal(k);
  return parameters;
}

}  // namespace widegram::dkm::test
