#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/data_reader.hpp"
#include "io/hdf5.hpp"
#include "io/result_file.hpp"
#include "src/base/matrix_view.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// What the variances of a predictions.h5 are.
struct VarianceNote {
  /// "posterior": of a Gaussian process; "ensemble": of networks trained to the end; "deep kernel machine"
  std::string kind;
  double noise = 0;  ///< variance of a target about the function whose variance it is: the ridge, the noise
};

/// The shape of a predictions.h5 and what it came from.
struct PredictionsHeader {
  Index m = 0;           ///< test samples
  Index k = 0;           ///< outputs a sample
  bool classes = false;  ///< outputs are scores of classes: /class is kept
  std::optional<TargetKind> targets =
      std::nullopt;         ///< what /target keeps; nothing where the targets are not known
  std::string kernel = {};  ///< canonical
  std::string function = {};
  std::uint64_t test_hash = 0;  ///< checksum of the test samples' checksums, as in gram.h5
  std::optional<VarianceNote> variance = std::nullopt;  ///< where /variance is kept
  bool log_probabilities = false;                       ///< /log_probability is kept, and decides the class
};

/// predictions.h5 in the making: /mean (M x K), /class (M, the largest output, or the likeliest class where
/// there is a /log_probability, M x K), /target (M classes or M x K
/// values), /variance (M; attributes `kind`, `noise` and `meaning`). create() and finish() are collective;
/// rows are written by the rank that has them (mpi::collectively() brings errors to all). Until finish() the
/// file has another name.
class PredictionsWriter {
 public:
  /// Throws Error(files).
  static PredictionsWriter create(const mpi::Communicator& comm, const std::string& path,
                                  const PredictionsHeader& header);

  /// Local. Outputs of the test samples [first, first + mean.rows), one a row; the class is worked out here.
  void write_mean(Index first, MatrixView<const double> mean);
  /// Local. Logs of the classes' probabilities, as write_mean(); where the header promises them the class is
  /// worked out from them.
  void write_log_probabilities(Index first, MatrixView<const double> logs);
  /// Local. Known classes, or known values (one sample a row), of the samples from `first` on.
  void write_target_classes(Index first, std::span<const std::int64_t> classes);
  void write_target_values(Index first, MatrixView<const double> values);

  /// Local. One for all outputs of a sample, from the sample `first` on.
  void write_variance(Index first, std::span<const double> variance);

  /// Collective, once all ranks have written. The file gets its name, replacing an older one. Throws
  /// Error(files).
  void finish();

 private:
  PredictionsWriter(const mpi::Communicator& comm, std::string path, const PredictionsHeader& header,
                    DraftGuard draft);
  void write_rows(const hdf5::Dataset& dataset, Index first, MatrixView<const double> values) const;
  void write_class(Index first, MatrixView<const double> scores) const;

  mpi::Communicator comm_;
  std::string path_;
  DraftGuard draft_;  ///< on the root
  hdf5::File file_;
  hdf5::Dataset mean_;
  hdf5::Dataset class_;
  hdf5::Dataset target_;
  hdf5::Dataset variance_;
  hdf5::Dataset log_probability_;
};

}  // namespace widegram::io
