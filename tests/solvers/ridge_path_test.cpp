#include "solvers/ridge_path.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "solvers/cholesky.hpp"
#include "solvers/hold_out.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"
#include "tests/support/messages.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;

constexpr RidgeMethod methods[] = {RidgeMethod::eigen, RidgeMethod::cholesky};
const std::vector<double> ridges{1e-3, 0.05, 1.0};

/// Three classes, one-hot and centred, that the samples' places on the line tell with some noise.
double class_entry(GlobalIndex i, GlobalIndex k) {
  const auto chosen = static_cast<GlobalIndex>(1.5 + 1.49 * std::sin(static_cast<double>(i) / 2.0));
  return (chosen == k ? 1.0 : 0.0) - 1.0 / 3.0;
}

/// Row i of the answer comes from a fit to all samples but i.
Matrix<double> refitted(const Matrix<double>& a, const Matrix<double>& b, double ridge) {
  Matrix<double> predicted(a.rows(), b.cols());
  for (Index i = 0; i < a.rows(); ++i) {
    const Matrix<double> alpha = lapack_solve(without(a, i, i), ridge, without(b, i, -1));
    for (Index k = 0; k < b.cols(); ++k)
      for (Index j = 0; j < alpha.rows(); ++j) predicted(i, k) += a(i, j < i ? j : j + 1) * alpha(j, k);
  }
  return predicted;
}

Index largest_column(const Matrix<double>& a, Index i) {
  Index best = 0;
  for (Index k = 1; k < a.cols(); ++k)
    if (a(i, k) > a(i, best)) best = k;
  return best;
}

class RidgePathTest : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());
};

TEST_F(RidgePathTest, LeavingOneOutIsFittingWithoutIt) {
  const GlobalIndex n = 23;
  const Matrix<double> a = filled(n, n, &gram_entry);
  const Matrix<double> b = filled(n, 3, &class_entry);
  for (const RidgeMethod method : methods) {
    const RidgePath path = ridge_path(distributed(grid_, a, 4), distributed(grid_, b, 4), ridges,
                                      {.classes = true, .method = method});
    ASSERT_EQ(path.points.size(), ridges.size());
    EXPECT_EQ(path.method, method);
    for (const RidgePoint& point : path.points) {
      const Matrix<double> predicted = refitted(a, b, point.ridge);
      double squares = 0;
      Index right = 0;
      for (Index i = 0; i < n; ++i) {
        for (Index k = 0; k < 3; ++k) squares += std::pow(b(i, k) - predicted(i, k), 2);
        right += largest_column(predicted, i) == largest_column(b, i);
      }
      EXPECT_NEAR(point.loo_mse, squares / (3.0 * n), 1e-11);
      EXPECT_EQ(point.loo_accuracy, static_cast<double>(right) / n);
      EXPECT_GT(*point.loo_accuracy, 0.4);
    }
  }
}

TEST_F(RidgePathTest, EvidenceAndDimensionAreThoseOfTheEigenvalues) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = filled(n, n, &gram_entry);
    const Matrix<double> b = filled(n, 2, &target_entry);
    const DenseEigen dense = dense_eigen(a);
    for (const RidgeMethod method : methods) {
      const RidgePath path =
          ridge_path(distributed(grid_, a, block), distributed(grid_, b, block), ridges, {.method = method});
      for (const RidgePoint& point : path.points) {
        double log_det = 0;
        double dimension = 0;
        for (const double value : dense.values) {
          log_det += std::log(value + point.ridge);
          dimension += value / (value + point.ridge);
        }
        const Matrix<double> alpha = lapack_solve(a, point.ridge, b);
        double fit = 0;
        for (Index k = 0; k < 2; ++k)
          for (Index i = 0; i < n; ++i) fit += alpha(i, k) * b(i, k);
        const double expected =
            -0.5 * fit - log_det - static_cast<double>(n) * std::log(2 * std::numbers::pi);
        EXPECT_NEAR(point.log_evidence, expected, 1e-10 * (1 + std::abs(expected)));
        EXPECT_NEAR(point.effective_dimension, dimension, 1e-10 * (1 + dimension));
        EXPECT_FALSE(point.loo_accuracy.has_value());
      }
    }
  }
}

TEST_F(RidgePathTest, BothMethodsAgreeWithAColumnOfZeros) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = gram_with_duplicates(n);
    const Matrix<double> b =
        filled(n, 3, [](GlobalIndex i, GlobalIndex k) { return k == 1 ? 0.0 : target_entry(i, k); });
    const auto targets = distributed(grid_, b, block);
    const RidgePath one = ridge_path(eigendecompose(distributed(grid_, a, block)), targets, ridges);
    const RidgePath other =
        ridge_path(distributed(grid_, a, block), targets, ridges, {.method = RidgeMethod::cholesky});
    for (std::size_t i = 0; i < ridges.size(); ++i) {
      EXPECT_EQ(one.points[i].ridge, ridges[i]);
      EXPECT_NEAR(one.points[i].loo_mse, other.points[i].loo_mse, 1e-9);
      EXPECT_NEAR(one.points[i].log_evidence, other.points[i].log_evidence,
                  1e-9 * (1 + std::abs(other.points[i].log_evidence)));
      EXPECT_NEAR(one.points[i].effective_dimension, other.points[i].effective_dimension, 1e-9);
    }
  }
}

TEST_F(RidgePathTest, ASingularMatrixWithoutRidgeSaysWhatToDo) {
  for (const RidgeMethod method : methods) try {
      ridge_path(distributed(grid_, gram_with_duplicates(23), 4),
                 distributed(grid_, filled(23, 1, &target_entry), 4), std::vector<double>{0.0},
                 {.method = method});
      ADD_FAILURE();
    } catch (const mpi::CollectiveError& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("not positive definite"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("ridge_absolute = "), std::string::npos) << e.what();
    }
}

TEST_F(RidgePathTest, AMatrixIsHandedBackAsItWas) {
  const Matrix<double> a = filled(65, 65, &gram_entry);
  Cholesky first(distributed(grid_, a, 8), 0.3);
  Cholesky::InverseDiagonal inverse = std::move(first).inverse_diagonal();
  EXPECT_EQ(largest_difference(dist::gather(inverse.a), a), 0);
  Cholesky second(std::move(inverse.a), 0.1);
  EXPECT_EQ(largest_difference(dist::gather(std::move(second).release()), a), 0);
}

TEST_F(RidgePathTest, FewRidgesAreFactoredAndManyDiagonalised) {
  EXPECT_EQ(cheaper_ridge_method(3, true), RidgeMethod::cholesky);
  EXPECT_EQ(cheaper_ridge_method(1000, true), RidgeMethod::eigen);
  bool without_decided = false;
  for (Index ridges = 1; ridges < 100; ++ridges) {
    const bool with = cheaper_ridge_method(ridges, true) == RidgeMethod::eigen;
    const bool without = cheaper_ridge_method(ridges, false) == RidgeMethod::eigen;
    EXPECT_TRUE(with || !without) << "factorisations alone cost less";
    EXPECT_TRUE(without || !without_decided) << "more ridges, no less reason for eigenvectors";
    without_decided = without;
  }
  EXPECT_TRUE(without_decided);
}

TEST_F(RidgePathTest, TheBestRidgeIsTheLargestOfEqualOnes) {
  const std::vector<RidgePoint> points{{.ridge = 1, .loo_mse = 2, .log_evidence = 1},
                                       {.ridge = 3, .loo_mse = 1, .log_evidence = 5},
                                       {.ridge = 2, .loo_mse = 1, .log_evidence = 7}};
  EXPECT_EQ(best_by_loo(points), 1u);
  EXPECT_EQ(best_by_evidence(points), 2u);
}

TEST_F(RidgePathTest, HoldOutScoresWhatWasNotFitted) {
  const GlobalIndex n = 65;
  const Matrix<double> a = filled(n, n, &gram_entry);
  const Matrix<double> b = filled(n, 3, &class_entry);
  for (const HoldOutSplit& split : {split_first(n, 0.3), split_random(n, 0.3, 7)}) {
    ASSERT_EQ(split.held_out.size(), 20u);
    const auto part = [](const Matrix<double>& whole, const std::vector<GlobalIndex>& rows,
                         const std::vector<GlobalIndex>& cols) {
      return filled(static_cast<Index>(rows.size()), static_cast<Index>(cols.size()), [&](Index i, Index j) {
        return whole(rows[static_cast<std::size_t>(i)], cols[static_cast<std::size_t>(j)]);
      });
    };
    const std::vector<GlobalIndex> columns{0, 1, 2};
    const Matrix<double> cross = part(a, split.held_out, split.fitted);
    const Matrix<double> truth = part(b, split.held_out, columns);
    for (const RidgeMethod method : methods) {
      const auto points = hold_out_path(distributed(grid_, a, 8), distributed(grid_, b, 8), ridges, split,
                                        {.classes = true, .method = method});
      ASSERT_EQ(points.size(), ridges.size());
      for (const HoldOutPoint& point : points) {
        const Matrix<double> alpha =
            lapack_solve(part(a, split.fitted, split.fitted), point.ridge, part(b, split.fitted, columns));
        Matrix<double> predicted(20, 3);
        double squares = 0;
        Index right = 0;
        for (Index i = 0; i < 20; ++i) {
          for (Index k = 0; k < 3; ++k) {
            for (Index j = 0; j < alpha.rows(); ++j) predicted(i, k) += cross(i, j) * alpha(j, k);
            squares += std::pow(truth(i, k) - predicted(i, k), 2);
          }
          right += largest_column(predicted, i) == largest_column(truth, i);
        }
        EXPECT_NEAR(point.mse, squares / 60, 1e-11);
        EXPECT_EQ(point.accuracy, static_cast<double>(right) / 20);
      }
    }
  }
}

TEST_F(RidgePathTest, TargetsThatAreNotFiniteAreNamed) {
  Matrix<double> b = filled(23, 2, &target_entry);
  b(22, 1) = std::numeric_limits<double>::infinity();
  const auto expect_named = [](auto&& work) {
    try {
      work();
      ADD_FAILURE();
    } catch (const mpi::CollectiveError& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("the targets: entry (22, 1)"), std::string::npos) << e.what();
    }
  };
  const auto targets = distributed(grid_, b, 4);
  const auto a = [&] { return distributed(grid_, filled(23, 23, &gram_entry), 4); };
  for (const RidgeMethod method : methods)
    expect_named([&] { ridge_path(a(), targets, ridges, {.method = method}); });
  expect_named([&] { hold_out_path(a(), targets, ridges, split_first(23, 0.2)); });
}

TEST_F(RidgePathTest, ASplitIsOnePartition) {
  const HoldOutSplit first = split_first(10, 0.2);
  EXPECT_EQ(first.held_out, (std::vector<GlobalIndex>{8, 9}));
  const HoldOutSplit random = split_random(100, 0.25, 3);
  EXPECT_EQ(random.held_out, split_random(100, 0.25, 3).held_out);
  EXPECT_NE(random.held_out, split_random(100, 0.25, 4).held_out);
  std::vector<GlobalIndex> all = random.fitted;
  all.insert(all.end(), random.held_out.begin(), random.held_out.end());
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 100u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<GlobalIndex>(i));
  EXPECT_EQ(split_first(2, 0.01).held_out.size(), 1u);
  for (const double share : {0.0, 1.0, -1.0}) EXPECT_THROW(split_first(10, share), mpi::CollectiveError);
  EXPECT_THROW(split_random(1, 0.5, 0), mpi::CollectiveError);
}

/// Where samples repeat there is no answer without a ridge, which ends nothing for the others.
TEST_F(RidgePathTest, ARidgeThatIsTooSmallIsLeftOut) {
  const Matrix<double> a = gram_with_duplicates(23);
  const Matrix<double> b = filled(23, 3, &class_entry);
  const std::vector<double> some{0.05, 0.0, 1.0};
  HoldOutSplit split{in_order(23), {1, 2}};
  split.fitted.erase(split.fitted.begin() + 1, split.fitted.begin() + 3);
  for (const RidgeMethod method : methods) {
    const RidgePath path =
        ridge_path(distributed(grid_, a, 4), distributed(grid_, b, 4), some, {.method = method});
    const auto held_out =
        hold_out_path(distributed(grid_, a, 4), distributed(grid_, b, 4), some, split, {.method = method});
    ASSERT_EQ(path.points.size(), 3U);
    ASSERT_EQ(held_out.size(), 3U);
    EXPECT_TRUE(std::isinf(path.points[1].loo_mse) && std::isinf(held_out[1].mse));
    EXPECT_NE(best_by_loo(path.points), 1U);
    EXPECT_NE(best_by_evidence(path.points), 1U);
    EXPECT_NE(best_by_hold_out(held_out), 1U);
    const std::vector<double> others{0.05, 1.0};
    const RidgePath without =
        ridge_path(distributed(grid_, a, 4), distributed(grid_, b, 4), others, {.method = method});
    EXPECT_NEAR(path.points[2].loo_mse, without.points[1].loo_mse, 1e-12) << "the matrix is as it was";
    const std::vector<double> none{0.0, 0.0};
    widegram::test::expect_refused(ExitCode::numerical, "none of the 2 ridges of the list is large enough", [&] {
      ridge_path(distributed(grid_, a, 4), distributed(grid_, b, 4), none, {.method = method});
    });
  }
}

}  // namespace
}  // namespace widegram::solvers
