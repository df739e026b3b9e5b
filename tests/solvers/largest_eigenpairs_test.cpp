#include "solvers/largest_eigenpairs.hpp"

#include <gtest/gtest.h>

#include "src/dist/stored_operator.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::solvers {
namespace {

class LargestEigenpairsTest : public testing::Test {
 protected:
  /// The pairs of a matrix that every rank has, with what must hold of any.
  LargestEigenpairs pairs_of(const Matrix<double>& whole, Index count, Index block = 8) const {
    const auto matrix = distributed(grid_, whole, block);
    const dist::StoredOperator a(matrix);
    LargestEigenpairs pairs = largest_eigenpairs(a, {.count = count});
    const DenseEigen dense = dense_eigen(whole);
    const double scale = std::max(std::abs(dense.values.front()), std::abs(dense.values.back()));
    EXPECT_EQ(std::ssize(pairs.values), count);
    for (Index j = 0; j < std::ssize(pairs.values); ++j) {
      const double exact = dense.values[dense.values.size() - 1 - static_cast<std::size_t>(j)];
      EXPECT_NEAR(pairs.values[static_cast<std::size_t>(j)], exact, 1e-11 * scale) << j;
      EXPECT_LE(pairs.residuals[static_cast<std::size_t>(j)], 2e-10 * scale) << j;
    }
    const Matrix<double> v = dist::gather_parts(comm_, a.layout(), pairs.vectors.view());
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j <= i; ++j) {
        double dot = 0;
        for (Index row = 0; row < v.rows(); ++row) dot += v(row, i) * v(row, j);
        EXPECT_NEAR(dot, i == j ? 1.0 : 0.0, 1e-12) << i << ", " << j;
      }
    return pairs;
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  dist::ProcessGrid grid_ = dist::ProcessGrid::square(comm_);
};

TEST_F(LargestEigenpairsTest, AreThoseOfLapack) {
  for (const auto& [n, block] : sizes)
    for (const Index count : {Index{1}, std::min<Index>(n, 5), n})
      pairs_of(filled(n, n, gram_entry), count, block);
}

TEST_F(LargestEigenpairsTest, ComeThroughRestarts) {
  const GlobalIndex n = 400;
  const LargestEigenpairs pairs = pairs_of(filled(n, n, gram_entry), 6);
  EXPECT_GT(pairs.products, largest_eigenpairs_basis(6, n)) << "no restart was tried";
}

TEST_F(LargestEigenpairsTest, AnEigenvalueThatRepeatsIsCountedAsOften) {
  const GlobalIndex n = 90;
  pairs_of(filled(n, n, [](GlobalIndex i, GlobalIndex j) { return i == j ? (i < 10 ? 3.0 : 1.0) : 0.0; }),
           12);
  pairs_of(filled(n, n, [](GlobalIndex i, GlobalIndex j) { return i == j ? 1.0 : 0.0; }), 40);
  pairs_of(gram_with_duplicates(n), n);
}

TEST_F(LargestEigenpairsTest, MatricesOfLowRankEndEarly) {
  const GlobalIndex n = 200;
  const auto rank_two = [](GlobalIndex i, GlobalIndex j) {
    return target_entry(i, 0) * target_entry(j, 0) + 0.1 * target_entry(i, 1) * target_entry(j, 1);
  };
  EXPECT_LT(pairs_of(filled(n, n, rank_two), 5).products, 60);
  pairs_of(Matrix<double>(30, 30), 4);
}

TEST_F(LargestEigenpairsTest, WhatCannotBeIsRefused) {
  const auto matrix = distributed(grid_, filled(400, 400, gram_entry), 8);
  const dist::StoredOperator a(matrix);
  for (const Index count : {0, 401})
    EXPECT_THROW(largest_eigenpairs(a, {.count = count}), mpi::CollectiveError);
  try {
    largest_eigenpairs(a, {.count = 6, .max_products = 48});
    ADD_FAILURE() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("of 6 eigenpairs have converged after 48 products"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(LargestEigenpairsTest, AStopGoesThrough) {
  const auto matrix = distributed(grid_, filled(400, 400, gram_entry), 8);
  const dist::StoredOperator a(matrix);
  int asked = 0;
  const auto stop = [&] {
    if (++asked == 3) throw mpi::CollectiveError(ExitCode::stopped, "stop");
  };
  EXPECT_THROW(largest_eigenpairs(a, {.count = 6, .check_stop = stop}), mpi::CollectiveError);
}

}  // namespace
}  // namespace widegram::solvers
