#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "solvers/dkm/full_coordinates.hpp"
#include "solvers/tao.hpp"
#include "src/base/random.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::dkm::test {

using dist::DistributedMatrix;
using dist::ProcessGrid;
using solvers::distributed;
using solvers::filled;

/// A small full-rank problem, its matrices in blocks of 4 unless it is larger.
struct Problem {
  MapSpec map;
  Matrix<double> input_gram;
  Matrix<double> targets;
  FullSettings settings;
  double jitter = 0;
  Index block = 4;

  Index layers() const { return std::ssize(settings.nu); }
};

/// Lower triangle given row by row, zeros above.
inline Matrix<double> from_triangle(Index n, const std::vector<double>& rows) {
  Matrix<double> a(n, n);
  auto next = rows.begin();
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) a(i, j) = *next++;
  return a;
}

inline Matrix<double> symmetric(const Matrix<double>& lower) {
  return filled(lower.rows(), lower.rows(),
                [&](Index i, Index j) { return i >= j ? lower(i, j) : lower(j, i); });
}

inline Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  return filled(a.rows(), b.cols(), [&](Index i, Index j) {
    double sum = 0;
    for (Index k = 0; k < a.cols(); ++k) sum += a(i, k) * b(k, j);
    return sum;
  });
}

inline Matrix<double> transposed(const Matrix<double>& a) {
  return filled(a.cols(), a.rows(), [&](Index i, Index j) { return a(j, i); });
}

/// X X^T / features for standard normal samples, a row each.
inline Matrix<double> random_gram(Index n, Index features, std::uint64_t seed) {
  const CounterRandom random(seed, 1);
  const Matrix<double> x = filled(n, features, [&](Index i, Index j) {
    return random.normal(static_cast<std::uint64_t>(i * features + j));
  });
  Matrix<double> gram = product(x, transposed(x));
  for (Index k = 0; k < n * n; ++k) gram.data()[k] /= static_cast<double>(features);
  return gram;
}

inline Problem random_problem(MapSpec map, Index n, std::vector<double> nu, double noise) {
  const CounterRandom random(7, 2);
  return {.map = std::move(map),
          .input_gram = random_gram(n, n + 3, 5),
          .targets = filled(
              n, 2, [&](Index i, Index k) { return random.normal(static_cast<std::uint64_t>(2 * i + k)); }),
          .settings = {.nu = std::move(nu), .noise = noise}};
}

/// Three points in the plane, two layers: numbers of an independent program in double precision.
inline Problem three_points() {
  const std::vector<std::vector<double>> x{{1, 0}, {0.5, 1}, {-1, 0.5}};
  return {.map = map_spec("arccos"),
          .input_gram = filled(3, 3,
                               [&](Index i, Index j) {
                                 const auto& a = x[static_cast<std::size_t>(i)];
                                 const auto& b = x[static_cast<std::size_t>(j)];
                                 return (a[0] * b[0] + a[1] * b[1]) / 2;
                               }),
          .targets = filled(3, 2,
                            [](Index i, Index k) {
                              const double y[3][2] = {{1, -0.5}, {0.3, 0.8}, {-1.2, 0.1}};
                              return y[i][k];
                            }),
          .settings = {.nu = {1.5, 0.7}, .noise = 0.1},
          .block = 2};
}

/// The lower triangles differ by at most that.
inline void expect_near_lower(const Matrix<double>& a, const Matrix<double>& b, double tolerance) {
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = j; i < a.rows(); ++i) EXPECT_NEAR(a(i, j), b(i, j), tolerance) << i << ", " << j;
}

/// Objective, coordinates and what they work in.
class Machine {
 public:
  Machine(const ProcessGrid& grid, const Problem& problem)
      : map_(make_kernel_map<double>(problem.map)),
        objective_(*map_, distributed(grid, problem.input_gram, problem.block),
                   distributed(grid, problem.targets, problem.block), problem.layers(), problem.jitter),
        coordinates_(objective_.nngp_factors(), problem.settings) {
    for (Index l = 0; l < problem.layers(); ++l) {
      at_.factors.push_back(objective_.matrix());
      gradient_.factors.push_back(objective_.matrix());
    }
  }

  /// -L and its gradient; nothing where a matrix is not positive definite.
  std::optional<double> evaluate(std::span<const double> x, std::span<double> gradient) {
    coordinates_.set_parameters(x, at_);
    value_ = objective_.value_and_gradient(at_, gradient_);
    if (value_.breakdown) return std::nullopt;
    coordinates_.set_gradient(x, at_, gradient_, gradient);
    for (double& g : gradient) g = -g;
    return -value_.objective;
  }
  double value(std::span<const double> x) {
    coordinates_.set_parameters(x, at_);
    return objective_.value(at_).objective;
  }
  solvers::TaoFunction function() {
    return [this](std::span<const double> x, std::span<double> gradient) { return evaluate(x, gradient); };
  }
  solvers::TaoResult train(std::vector<double> start, solvers::TaoOptions options = {}) {
    options.lower = coordinates_.lower_bounds();
    options.upper = coordinates_.upper_bounds();
    solvers::TaoResult result =
        solvers::minimize(objective_.grid().comm(), function(), std::move(start), options);
    coordinates_.set_parameters(result.x, at_);
    value_ = objective_.value(at_);
    return result;
  }
  /// G_l as a whole.
  Matrix<double> gram(Index layer) const { return symmetric(dist::gather(objective_.gram(layer))); }

  const KernelMap<double>& map() const { return *map_; }
  FullObjective& objective() { return objective_; }
  FullCoordinates& coordinates() { return coordinates_; }
  FullParameters& parameters() { return at_; }
  FullGradient& gradient() { return gradient_; }
  const FullValue& last() const { return value_; }

 private:
  std::unique_ptr<KernelMap<double>> map_;
  FullObjective objective_;
  FullCoordinates coordinates_;
  FullParameters at_;
  FullGradient gradient_;
  FullValue value_;
};

/// W = I plus noise, the same on any number of ranks.
inline std::vector<double> random_start(Machine& machine, std::uint64_t seed, double spread) {
  std::vector<double> x = machine.coordinates().start();
  DistributedMatrix<double> w = machine.objective().matrix();
  for (Index l = 0; l < machine.objective().layers(); ++l) {
    const CounterRandom random(seed, static_cast<std::uint32_t>(l));
    for (LocalIndex j = 0; j < w.local_cols(); ++j)
      for (LocalIndex i = 0; i < w.local_rows(); ++i)
        w.local()(i, j) =
            spread * random.normal(static_cast<std::uint64_t>(w.global_row(i) * w.rows() + w.global_col(j)));
    machine.coordinates().pack(w, l, x);
  }
  return x;
}

class FullDkm : public testing::Test {
 protected:
  const mpi::Communicator comm_ = mpi::Communicator::world();
  const ProcessGrid grid_ = ProcessGrid::square(comm_);
};

}  // namespace widegram::dkm::test
