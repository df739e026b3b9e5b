#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/kernels/engine.hpp"

namespace widegram::kernels::test {

constexpr Index test_edge = 16;

/// Samples as columns.
template <class Real>
Matrix<Real> columns(const std::vector<std::vector<double>>& samples) {
  Matrix<Real> matrix(std::ssize(samples.front()), std::ssize(samples));
  for (Index j = 0; j < matrix.cols(); ++j)
    std::transform(samples[static_cast<std::size_t>(j)].begin(), samples[static_cast<std::size_t>(j)].end(),
                   matrix.column(j), [](double value) { return static_cast<Real>(value); });
  return matrix;
}

/// Multiples of 1/64 between -2 and 2: the same in single and in double precision.
inline std::vector<std::vector<double>> random_samples(Index count, Index features, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::vector<double>> samples(static_cast<std::size_t>(count));
  for (auto& sample : samples) {
    sample.resize(static_cast<std::size_t>(features));
    for (double& value : sample) value = static_cast<double>(generator() % 257) / 64.0 - 2.0;
  }
  return samples;
}

/// first, first + 1, ...
inline std::vector<std::int64_t> ids_from(std::int64_t first, Index count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

template <class Real>
struct Gram {
  Matrix<Real> nngp;
  Matrix<Real> ntk;
};

/// A tile of an engine's first network.
template <class Real>
void tile(const Engine<Real>& engine, const Prepared& rows, Index row, const Prepared& cols, Index col,
          const TileOutput<Real>& out) {
  engine.tile(rows, row, cols, col, std::span(&out, 1));
}

/// All entries, tile by tile.
template <class Real>
Gram<Real> gram_of(const Engine<Real>& engine, const Prepared& rows, const Prepared& cols,
                   Index edge = test_edge) {
  Gram<Real> gram{Matrix<Real>(rows.count(), cols.count()), Matrix<Real>(rows.count(), cols.count())};
  for (Index j = 0; j < cols.count(); j += edge)
    for (Index i = 0; i < rows.count(); i += edge) {
      const Range r{i, std::min(i + edge, rows.count())};
      const Range c{j, std::min(j + edge, cols.count())};
      tile(engine, rows, i, cols, j, {gram.nngp.view().block(r, c), gram.ntk.view().block(r, c)});
    }
  return gram;
}

/// All pairs of some samples.
template <class Real>
Gram<Real> gram_of(const Network& network, const SampleShape& shape,
                   const std::vector<std::vector<double>>& samples) {
  const auto engine = make_engine<Real>(network, shape, test_edge);
  const Matrix<Real> inputs = columns<Real>(samples);
  const auto prepared = engine->prepare(inputs.view(), ids_from(0, inputs.cols()), SampleOrder::single);
  return gram_of(*engine, *prepared, *prepared);
}

}  // namespace widegram::kernels::test
