#include "io/hdf5_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "io/array_reader.hpp"
#include "io/input_file.hpp"
#include "src/base/error.hpp"

namespace widegram::io {
namespace {

/// Extents are what the file says and nothing has been allocated by them yet.
void check_extents(const hdf5::Dataset& dataset) {
  const std::string& name = dataset.origin().name;
  const Index values = checked_product(dataset.shape(), name);
  if (values > std::numeric_limits<Index>::max() / Index{sizeof(double)})
    throw Error(ExitCode::data,
                fmt::format("{}: announces {} values, more than any memory holds", name, values));
  const hdf5::Properties creation(hdf5::check(H5Dget_create_plist(dataset.id()), dataset.origin()));
  const hdf5::Type type(hdf5::check(H5Dget_type(dataset.id()), dataset.origin()));
  // Compressed chunks, or ones that were never written, may stand for more values than are stored.
  const auto stored = H5Dget_storage_size(dataset.id()) / H5Tget_size(type.id());
  if (H5Pget_layout(creation.id()) != H5D_CHUNKED && stored < static_cast<hsize_t>(values))
    throw Error(ExitCode::data, fmt::format("{}: announces {} values but stores {}", name, values, stored));
}

void check_numbers(const hdf5::Dataset& dataset) {
  if (!dataset.is_integer() && !dataset.is_float())
    throw Error(ExitCode::data, dataset.origin().name + ": holds no numbers");
  // A file of a few bytes may announce any shape: nothing is stored before something is written.
  if (dataset.shape().empty() || H5Dget_storage_size(dataset.id()) == 0)
    throw Error(ExitCode::data, dataset.origin().name + ": holds no data");
  check_extents(dataset);
}

/// Sample a column; HDF5's row-major order is then our column-major one.
void read_samples(const hdf5::Dataset& dataset, Range samples, MatrixView<double> to) {
  hdf5::Block block{std::vector<Index>(dataset.shape().size(), 0), dataset.shape()};
  block.begin.front() = samples.begin;
  block.extent.front() = samples.size();
  dataset.read<double>(block, {to.data, static_cast<std::size_t>(to.rows * to.cols)});
}

}  // namespace

Hdf5Reader::Hdf5Reader(const std::string& path)
    : file_(hdf5::File::open(path, ExitCode::data)), inputs_(file_, "/inputs"), targets_(file_, "/targets") {
  check_numbers(inputs_);
  check_numbers(targets_);
  const std::vector<Index> extents = inputs_.shape();
  const std::vector<Index> target_extents = targets_.shape();
  header_.shape = shape_of_samples(extents, inputs_.origin().name);
  header_.samples = extents.front();
  if (target_extents.size() > 2)
    throw Error(ExitCode::data, fmt::format("{}: {} dimensions; targets are N or N x K",
                                            targets_.origin().name, target_extents.size()));
  if (target_extents.front() != header_.samples)
    throw Error(ExitCode::data, fmt::format("{}: /inputs has {} samples but /targets has {}", path,
                                            header_.samples, target_extents.front()));
  header_.target_columns = target_extents.size() == 2 ? target_extents[1] : 1;
  const bool whole = targets_.is_integer() && target_extents.size() == 1;
  header_.natural_targets = whole ? TargetKind::classes : TargetKind::values;
  header_.target_source = targets_.origin().name;
}

void Hdf5Reader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  if (samples.empty()) return;
  read_samples(inputs_, samples, inputs);
  read_samples(targets_, samples, targets);
  if (inputs_.holds<std::uint8_t>())
    for (double& value : std::span(inputs.data, static_cast<std::size_t>(inputs.rows * inputs.cols)))
      value /= 255.0;
}

}  // namespace widegram::io
