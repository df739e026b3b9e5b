#include "io/gram_file_operator.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

#include "io/read_ahead.hpp"
#include "io/result_file.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

/// What the small store holds, both triangles.
double whole(Index i, Index j) { return entry(GramPart::train, std::max(i, j), std::min(i, j)); }

class FileOperator : public testing::TestWithParam<Precision> {
 protected:
  static constexpr Index n = 211;  // 26 tiles of 8 and a short one

  GramStore finished() {
    make_store(comm_, path_, small_header(n, 0, GetParam()));
    GramStore store = GramStore::open(comm_, path_, hdf5::Access::read);
    return store;
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};
  std::string path_ = folder_ / "gram.h5";
};

TEST_P(FileOperator, ProductsAreThoseOfTheWholeMatrix) {
  const GramStore store = finished();
  const GramFileOperator gram(comm_, store);
  const Range part = gram.part();
  for (const Index k : {0, 1, 5}) {
    Matrix<double> x(part.size(), k);
    Matrix<double> y(part.size(), k);
    const auto vector = [](Index i, Index c) { return std::cos(static_cast<double>(i + 3 * c)); };
    for (Index c = 0; c < k; ++c)
      for (Index i = 0; i < x.rows(); ++i) x(i, c) = vector(part.begin + i, c);
    gram.apply(x.view(), y.view());
    for (Index c = 0; c < k; ++c)
      for (Index i = 0; i < y.rows(); ++i) {
        double want = 0;
        for (Index j = 0; j < n; ++j) want += whole(part.begin + i, j) * vector(j, c);
        ASSERT_NEAR(y(i, c), want, 1e-12 * n) << part.begin + i << " " << c;
      }
  }
  EXPECT_EQ(comm_.sum(gram.traffic().bytes),
            3.0 * static_cast<double>(store.tiles(GramPart::train).count() * 64) *
                (GetParam() == Precision::float32 ? 4 : 8));
}

TEST_P(FileOperator, ColumnsAndDiagonalAreTheEntries) {
  const GramStore store = finished();
  const GramFileOperator gram(comm_, store);
  const Range part = gram.part();
  const std::vector<GlobalIndex> chosen{7, 210, 0, 7, 100, 101};
  const Matrix<double> columns = gram.columns(chosen);
  ASSERT_EQ(columns.rows(), part.size());
  for (std::size_t c = 0; c < chosen.size(); ++c)
    for (Index i = 0; i < columns.rows(); ++i)
      ASSERT_EQ(columns(i, static_cast<Index>(c)), whole(part.begin + i, chosen[c]))
          << part.begin + i << " " << c;
  const std::vector<double> diagonal = gram.diagonal();
  ASSERT_EQ(std::ssize(diagonal), part.size());
  for (Index i = 0; i < part.size(); ++i)
    ASSERT_EQ(diagonal[static_cast<std::size_t>(i)], whole(part.begin + i, part.begin + i));
}

TEST_P(FileOperator, ADamagedTileIsNamedOnAllRanks) {
  make_store(comm_, path_, small_header(n, 0, GetParam()));
  if (comm_.is_root()) flip_byte(path_, file_size(path_) - 8 * 27 * 64);  // in the last tile row
  comm_.barrier();
  const GramStore store = GramStore::open(comm_, path_, hdf5::Access::read);
  const GramFileOperator gram(comm_, store);
  Matrix<double> x(gram.part().size(), 1);
  Matrix<double> y(gram.part().size(), 1);
  try {
    gram.apply(x.view(), y.view());
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::files);
    EXPECT_NE(std::string(error.what()).find("is damaged: run 'gram'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("tile (2"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, FileOperator, testing::Values(Precision::float32, Precision::float64));

TEST(ReadAhead, PiecesComeInOrderAndNoMoreAreReadThanFit) {
  std::atomic<Index> read = 0;
  ReadAhead reader(20, 8, 3, [&](Index k, std::span<std::byte> buffer) {
    buffer[0] = static_cast<std::byte>(k);
    read = k + 1;
    return static_cast<std::size_t>(1 + k % 8);
  });
  for (Index k = 0; k < 20; ++k) {
    const std::span<std::byte> piece = reader.next();
    EXPECT_EQ(piece.size(), static_cast<std::size_t>(1 + k % 8));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(static_cast<Index>(piece[0]), k);
    EXPECT_LE(read, k + 3);
  }
}

TEST(ReadAhead, AnErrorComesWhereItBelongs) {
  ReadAhead reader(5, 1, 2, [](Index k, std::span<std::byte>) -> std::size_t {
    if (k == 2) throw Error(ExitCode::files, "gone");
    return 1;
  });
  EXPECT_EQ(reader.next().size(), 1U);
  EXPECT_EQ(reader.next().size(), 1U);
  EXPECT_THROW(reader.next(), Error);
}

TEST(ReadAhead, MayBeLeftInTheMiddle) {
  for (int taken : {0, 1, 3}) {
    ReadAhead reader(1000, 1, 2, [](Index, std::span<std::byte>) { return std::size_t{1}; });
    for (int k = 0; k < taken; ++k) reader.next();
  }
}

}  // namespace
}  // namespace widegram::io
