#include "solvers/eigen.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "src/dist/scalapack_eigen.hpp"
#include "src/dist/submatrix.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::solvers {
namespace {

using dist::gather;
using dist::ProcessGrid;

class EigenTest : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());
};

TEST_F(EigenTest, ValuesAndVectorsAreLapacks) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = filled(n, n, &gram_entry);
    const DenseEigen expected = dense_eigen(a);
    const Eigendecomposition eigen = eigendecompose(distributed(grid_, a, block));
    EXPECT_LT(largest_of(eigen.values, expected.values), 1e-12);
    EXPECT_LT(largest_of(eigenvalues(distributed(grid_, a, block)), expected.values), 1e-12);
    // Vectors are known up to a sign: A B by way of them is the test.
    const Matrix<double> b = filled(n, 3, &target_entry);
    const auto b_here = distributed(grid_, b, block);
    const Matrix<double> product = gather(expand(eigen, eigen.values, project(eigen, b_here).view()));
    EXPECT_LT(largest_difference(product, dense_function(
                                              expected, [](double x) { return x; }, b)),
              1e-12);
    const std::vector<double> ones(static_cast<std::size_t>(n), 1.0);
    EXPECT_LT(largest_of(diagonal_of_function(eigen, ones), ones), 1e-13) << "rows of V have norm 1";
    for (const double entry : diagonal_of_function(eigen, eigen.values)) EXPECT_NEAR(entry, 1.1, 1e-12);
  }
}

TEST_F(EigenTest, EqualEigenvaluesHaveOrthonormalVectors) {
  const GlobalIndex n = 40;
  const Eigendecomposition eigen = eigendecompose(
      distributed(grid_, filled(n, n, [](GlobalIndex i, GlobalIndex j) { return i == j ? 3.0 : 1.0; }), 4));
  const Matrix<double> v = gather(eigen.vectors);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      double product = 0;
      for (Index k = 0; k < n; ++k) product += v(k, i) * v(k, j);
      EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 1e-13);
    }
  EXPECT_NEAR(eigen.values.front(), 2.0, 1e-13);
  EXPECT_NEAR(eigen.values[38], 2.0, 1e-13);
  EXPECT_NEAR(eigen.values.back(), 42.0, 1e-12);
}

TEST_F(EigenTest, AnEntryThatIsNotFiniteIsNamed) {
  Matrix<double> a = filled(23, 23, &gram_entry);
  a(17, 5) = a(5, 17) = std::numeric_limits<double>::quiet_NaN();
  for (const bool vectors : {false, true}) try {
      if (vectors)
        eigendecompose(distributed(grid_, a, 4));
      else
        eigenvalues(distributed(grid_, a, 4));
      ADD_FAILURE();
    } catch (const mpi::CollectiveError& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("entry (17, 5)"), std::string::npos) << e.what();
    }
}

TEST_F(EigenTest, ASumThatIsRoundingIsRefusedWithARidgeThatHelps) {
  const std::vector<double> values{-1e-17, 0.5, 2.0};
  try {
    inverted(values, 0.0);
    ADD_FAILURE();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
    const std::string message = e.what();
    const auto place = message.find("ridge_absolute = ");
    ASSERT_NE(place, std::string::npos) << message;
    EXPECT_NO_THROW(inverted(values, std::stod(message.substr(place + 17))));
  }
  EXPECT_EQ(inverted(values, 1.0).back(), 1.0 / 3.0);
  EXPECT_NEAR(log_determinant(values, 1.0), std::log(4.5), 1e-15);
}

TEST_F(EigenTest, TheWorkspaceLimitIsBelowScalapacks) {
  const Index most = dist::most_syevd_entries({2, 3}, 40000, 128);
  EXPECT_LT(2 * most + 8 * 40000, dist::most_entries_a_rank);
  EXPECT_GT(most, dist::most_entries_a_rank / 3);
}

TEST_F(EigenTest, ASubmatrixHoldsTheChosenRowsAndColumns) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> a =
        filled(n, n + 2, [](GlobalIndex i, GlobalIndex j) { return static_cast<double>(1000 * i + j); });
    std::vector<GlobalIndex> rows;
    for (GlobalIndex i = 0; i < n; ++i)
      if (i % 3 != 1) rows.push_back(n - 1 - i);
    std::vector<GlobalIndex> cols;
    for (GlobalIndex j = 0; j < n + 2; j += 2) cols.push_back(j);
    cols.push_back(0);  // again
    const Matrix<double> chosen = gather(dist::submatrix(distributed(grid_, a, block), rows, cols));
    ASSERT_EQ(chosen.rows(), static_cast<Index>(rows.size()));
    ASSERT_EQ(chosen.cols(), static_cast<Index>(cols.size()));
    for (std::size_t j = 0; j < cols.size(); ++j)
      for (std::size_t i = 0; i < rows.size(); ++i)
        EXPECT_EQ(chosen(static_cast<Index>(i), static_cast<Index>(j)), a(rows[i], cols[j]));
    const std::vector<GlobalIndex> outside{n};
    EXPECT_THROW(dist::submatrix(distributed(grid_, a, block), outside, cols), mpi::CollectiveError);
  }
}

}  // namespace
}  // namespace widegram::solvers
