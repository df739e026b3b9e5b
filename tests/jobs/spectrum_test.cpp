#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "io/hdf5.hpp"
#include "io/inspect.hpp"
#include "io/verify.hpp"
#include "jobs/spectrum_stage.hpp"
#include "tests/jobs/pipeline_fixture.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::jobs {
namespace {

constexpr Parts spectrum_alone{.spectrum = true};
constexpr Index n = 300;

class SpectrumTest : public test::PipelineFixture {
 protected:
  io::Spectrum spectrum(const std::string& folder) const {
    return io::read_spectrum(file(folder, "spectrum.h5"));
  }

  /// The training Gram that a folder's file holds, both triangles.
  Matrix<double> stored_gram(const std::string& folder) const {
    const hdf5::File gram = hdf5::File::open(file(folder, "gram.h5"));
    const std::vector<double> rows = hdf5::Dataset(gram, "/train").read_all<double>();
    return solvers::filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
      return rows[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))];
    });
  }

  static void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
  }
};

TEST_F(SpectrumTest, IsThatOfTheStoredGram) {
  const auto metrics = run(job("all", {"spectrum.ridges=[1e-4, 1e-1]"}), spectrum_alone);
  const io::Spectrum found = spectrum("all");
  const Matrix<double> gram = stored_gram("all");
  solvers::DenseEigen dense = solvers::dense_eigen(gram);
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += gram(i, i);
  std::vector<double> dimensions(2);
  for (const double value : dense.values)
    for (std::size_t i = 0; i < 2; ++i) dimensions[i] += value / (value + found.ridges[i] * trace / n);
  const double condition = dense.values.back() / dense.values.front();
  std::reverse(dense.values.begin(), dense.values.end());
  expect_near(found.eigenvalues, dense.values, 1e-12 * dense.values.front());
  expect_near(found.effective_dimension, dimensions, 1e-8);
  EXPECT_TRUE(found.effective_dimension_upper.empty());
  EXPECT_NEAR(found.mean_diagonal, trace / n, 1e-12 * trace);
  EXPECT_NEAR(found.condition_number.value(), condition, 1e-6 * condition);

  // A centred one-hot target has the length (1 - 1/K).
  EXPECT_NEAR(std::accumulate(found.target_power.begin(), found.target_power.end(), 0.0), 0.9 * n, 1e-9);
  ASSERT_EQ(std::ssize(found.cumulative_power), n);
  EXPECT_NEAR(found.cumulative_power.back(), 1.0, 1e-12);
  EXPECT_TRUE(std::is_sorted(found.cumulative_power.begin(), found.cumulative_power.end()));
  EXPECT_EQ(found.eigenvalue_fit.first, 10);
  EXPECT_EQ(found.eigenvalue_fit.last, 150);
  EXPECT_GT(found.eigenvalue_fit.exponent, 0.5);
  EXPECT_EQ(metrics["spectrum"]["eigenvalues"], n);
  EXPECT_EQ(metrics["spectrum"]["eigenvalue_fit"]["exponent"], found.eigenvalue_fit.exponent);
  EXPECT_NE(to_text(found).find("all eigenvalues of the ntk Gram of 300 samples"), std::string::npos)
      << to_text(found);
}

TEST_F(SpectrumTest, TheLargestComeWithTheirVectors) {
  const Index count = 20;
  run(job("all"), spectrum_alone);
  const io::Spectrum all = spectrum("all");
  const Matrix<double> gram = stored_gram("all");
  for (const char* mode : {"stored", "out-of-core", "recompute"}) {
    run(job(mode, {"spectrum.largest=20", std::string("gram.mode=") + mode}), spectrum_alone);
    const io::Spectrum some = spectrum(mode);
    const auto first = [&](const std::vector<double>& values) {
      return std::vector<double>(values.begin(), values.begin() + count);
    };
    expect_near(some.eigenvalues, first(all.eigenvalues), 1e-10 * all.eigenvalues.front());
    expect_near(some.target_power, first(all.target_power), 1e-6);
    expect_near(some.cumulative_power, first(all.cumulative_power), 1e-8);
    EXPECT_EQ(some.ridges, all.ridges);
    EXPECT_LT(some.effective_dimension.front(), all.effective_dimension.front());
    EXPECT_GT(some.effective_dimension_upper.front(), all.effective_dimension.front());
    EXPECT_FALSE(some.condition_number);

    const hdf5::File stored = hdf5::File::open(file(mode, "spectrum.h5"));
    const hdf5::Dataset dataset(stored, "/eigenvectors");
    EXPECT_EQ(dataset.shape(), (std::vector<Index>{n, count}));
    const std::vector<double> rows = dataset.read_all<double>();
    const auto v = [&](Index i, Index k) { return rows[static_cast<std::size_t>(i * count + k)]; };
    double worst = 0;
    for (Index k = 0; k < count; ++k)
      for (Index i = 0; i < n; ++i) {
        double product = 0;
        for (Index j = 0; j < n; ++j) product += gram(i, j) * v(j, k);
        worst = std::max(worst, std::abs(product - some.eigenvalues[static_cast<std::size_t>(k)] * v(i, k)));
      }
    EXPECT_LT(worst, 1e-9 * all.eigenvalues.front()) << mode;
  }
}

TEST_F(SpectrumTest, TakesTheGramThatIsThere) {
  Job with_ridges = job("again");
  with_ridges.solve.ridges = {1e-3, 1e-2};
  const auto first = run(with_ridges, spectrum_alone);
  EXPECT_EQ(first["gram"]["reused_entries"], 0);
  EXPECT_EQ(spectrum("again").ridges, (std::vector<double>{1e-3, 1e-2})) << "those of [solve]";
  Job with_plain_ridge = job("again", {"spectrum.largest=3"});
  with_plain_ridge.solve.ridge_absolute = 0.5;
  const auto second = run(with_plain_ridge, spectrum_alone);
  EXPECT_EQ(second["gram"]["reused_entries"], second["gram"]["entries"]);
  const io::Spectrum replaced = spectrum("again");
  EXPECT_EQ(replaced.method, "lanczos");
  EXPECT_NEAR(replaced.ridges.front() * replaced.mean_diagonal, 0.5, 1e-12);
}

TEST_F(SpectrumTest, TheFileIsKnownAndVerified) {
  run(job("file", {"spectrum.largest=2"}), spectrum_alone);
  expect_known("file", "spectrum.h5", "spectrum");
  EXPECT_THROW(io::read_spectrum(file("file", "gram.h5")), Error);
}

TEST_F(SpectrumTest, TheDecompositionCountsInThePlan) {
  EXPECT_EQ(spectrum_entry_bytes(job("plan"), n), 4 * 8) << "the Gram, its vectors and their making";
  EXPECT_LT(spectrum_entry_bytes(job("plan", {"spectrum.largest=10"}), 100 * n), 9);
  const std::string error =
      error_of(job("plan", {"gram.memory_limit=64KiB"}), ExitCode::usage, spectrum_alone);
  EXPECT_NE(error.find("300 samples on"), std::string::npos) << error;
  EXPECT_NE(error.find("gram.memory_limit"), std::string::npos) << error;
}

TEST_F(SpectrumTest, WhatDoesNotGoTogetherIsRefused) {
  const auto expect_part = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const auto refused = [&](std::vector<std::string> settings) {
    return error_of(job("refused", std::move(settings)), ExitCode::usage, spectrum_alone);
  };
  expect_part(refused({"gram.mode=out-of-core"}), "spectrum.largest");
  expect_part(refused({"spectrum.largest=301"}),
              "spectrum.largest = 301 is more than the 300 training samples");
  expect_part(refused({"spectrum.fit=[10, 400]"}),
              "spectrum.fit = [10, 400] ends beyond the 300 eigenvalues");
  for (const auto& [setting, part] :
       {std::pair{"spectrum.fit=[5, 6]", "must be the first and the last of at least 3 ranks"},
        std::pair{"spectrum.ridges=[1e-3, -1]", "spectrum.ridges[1] = -1.0"},
        std::pair{"spectrum.largest=-1", "spectrum.largest"}, std::pair{"spectrum.biggest=3", "largest"}})
    try {
      job("refused", {setting});
      ADD_FAILURE() << setting;
    } catch (const Error& error) {
      expect_part(error.what(), part);
    }
}

}  // namespace
}  // namespace widegram::jobs
