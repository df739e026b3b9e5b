#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/hdf5.hpp"
#include "src/base/sample_shape.hpp"
#include "src/dist/tiling.hpp"

namespace widegram::io {

enum class Precision { float32, float64 };

std::string to_string(Precision precision);
/// Throws Error(usage) for a word that is neither.
Precision precision_from(std::string_view word);

/// The version of gram.h5's layout that this program writes and reads.
inline constexpr Index gram_format_version = 2;

/// What a gram.h5 holds: all that its entries depend on. The same on every rank.
struct GramHeader {
  std::string kernel;    ///< the network in its canonical form
  std::string function;  ///< "ntk", "nngp"
  Precision precision = Precision::float32;
  Index tile = 64;  ///< edge of the squares of entries that are computed, checksummed and saved as one
  SampleShape sample_shape;
  std::vector<std::uint64_t>
      train_samples;  ///< a checksum a sample, as the kernel sees it (preprocessed), in order
  std::vector<std::uint64_t> test_samples;  ///< empty: no test x train block
  /// "flip" where training samples 2i and 2i + 1 are an image and its mirror image, of which entries are
  /// shared; else "none".
  std::string augment = "none";

  Index n() const { return static_cast<Index>(train_samples.size()); }
  Index m() const { return static_cast<Index>(test_samples.size()); }
};

/// "tile: '64' in the file, '32' in the job"; empty where both are equal.
template <class T>
std::string difference_of(std::string_view field, const T& in_file, const T& in_job) {
  return in_file == in_job ? std::string()
                           : fmt::format("{}: '{}' in the file, '{}' in the job", field, in_file, in_job);
}

/// The first thing in which two Grams are not the same, with both values: "kernel: 'relu ...' in the file,
/// 'erf ...' in the job"; for data the first sample that differs. Empty where the training Grams are the
/// same.
std::string difference(const GramHeader& in_file, const GramHeader& in_job);
/// The same of the test samples, where the training Grams are the same.
std::string test_difference(const GramHeader& in_file, const GramHeader& in_job);

/// Whether the Gram of the file is a leading part of the job's: all the same but for training or test samples
/// that follow those of the file.
bool grows_into(const GramHeader& in_file, const GramHeader& in_job);

/// Why the Gram of the file does not grow into the job's, which it neither is: the first difference that is
/// in the way. Where the training set does grow, that is the test set.
std::string growth_obstacle(const GramHeader& in_file, const GramHeader& in_job);

/// The two matrices of a gram.h5: `train` (N x N, tiles of the lower triangle) and `test_train` (M x N, all
/// tiles).
enum class GramPart { train, test_train };

/// How one of the matrices is cut into tiles, and the numbers that tiles go by in its records.
class GramTiles {
 public:
  GramTiles(const GramHeader& header, GramPart part);

  GramPart part() const { return part_; }
  dist::Tiling rows() const { return rows_; }
  dist::Tiling cols() const { return cols_; }
  /// Number of tiles that are kept: lower ones (train) or all.
  Index count() const;
  bool holds(TileIndex row, TileIndex col) const;
  /// train: row by row in the triangle, so that a Gram that grows keeps its numbers; test_train: row by row.
  Index number(TileIndex row, TileIndex col) const;
  /// "tile (12, 3) of /train: rows 768-831, columns 192-255"
  std::string name(TileIndex row, TileIndex col) const;

 private:
  GramPart part_;
  dist::Tiling rows_;
  dist::Tiling cols_;
};

/// "/train", "/test_train"
std::string dataset_name(GramPart part);
/// "/tiles/train", "/tiles/test_train": one uint64 a tile, its checksum or 0.
std::string records_name(GramPart part);

/// The header as attributes of the root group; of the samples, which are datasets of their own, their number
/// and hash.
void write_header(const hdf5::File& file, const GramHeader& header);
/// The header of a whole store, samples and all. Throws Error(files) for a format version that this program
/// does not know.
GramHeader read_header(const hdf5::File& file);
/// Those of "/samples/train" and "/samples/test" that are not as they were written.
std::vector<std::string> damaged_samples(const hdf5::File& file, const GramHeader& header);

}  // namespace widegram::io
