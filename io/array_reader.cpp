#include "io/array_reader.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "io/input_file.hpp"
#include "src/base/error.hpp"

namespace widegram::io {
namespace {

namespace fs = std::filesystem;

/// How names of inputs become names of their labels: tried in this order.
struct Renaming {
  const char* inputs;
  const char* labels;
};
constexpr Renaming idx_renamings[] = {{"images-idx3", "labels-idx1"},
                                      {"images.idx3", "labels.idx1"},
                                      {"images", "labels"},
                                      {"inputs", "targets"}};
constexpr Renaming npy_renamings[] = {
    {"inputs", "targets"}, {"inputs", "labels"}, {"images", "labels"}, {"X", "y"}, {"x", "y"}};

std::string sibling_labels(const std::string& inputs, std::span<const Renaming> renamings) {
  const fs::path path(inputs);
  std::string tried;
  for (const Renaming& renaming : renamings) {
    std::string name = path.filename().string();
    const std::size_t at = name.find(renaming.inputs);
    if (at == std::string::npos) continue;
    name.replace(at, std::string_view(renaming.inputs).size(), renaming.labels);
    const std::string candidate = (path.parent_path() / name).string();
    if (!is_missing(candidate)) return candidate;
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  throw Error(ExitCode::data,
              fmt::format("{}: where its labels are is not clear ({}): name their file in `labels`", inputs,
                          tried.empty() ? "its name suggests no other" : "there is no " + tried));
}

std::string labels_path(const std::string& inputs, const std::string& labels,
                        std::span<const Renaming> renamings) {
  return labels == "auto" ? sibling_labels(inputs, renamings) : labels;
}

}  // namespace

SampleShape shape_of_samples(const std::vector<Index>& extents, const std::string& what) {
  switch (extents.size()) {
    case 1:
      return {1, 1, 1};
    case 2:
      return {extents[1], 1, 1};
    case 4:
      return {extents[1], extents[2], extents[3]};
    case 3:
      throw Error(
          ExitCode::data,
          fmt::format(
              "{}: {} x {} x {} is path data (N x T x D), which comes with the path kernels; grey images "
              "are N x 1 x H x W",
              what, extents[0], extents[1], extents[2]));
    default:
      throw Error(ExitCode::data,
                  fmt::format("{}: {} dimensions; inputs are N x D or N x C x H x W", what, extents.size()));
  }
}

ArrayReader::ArrayReader(ArrayFile inputs, ArrayFile targets, SampleShape shape,
                         std::vector<std::string> class_names)
    : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  if (inputs_.samples() != targets_.samples())
    throw Error(ExitCode::data, fmt::format("{} has {} samples but {} has {} labels", inputs_.path(),
                                            inputs_.samples(), targets_.path(), targets_.samples()));
  if (targets_.extents().size() > 2)
    throw Error(ExitCode::data, fmt::format("{}: {} dimensions; targets are N or N x K", targets_.path(),
                                            targets_.extents().size()));
  header_.shape = shape;
  header_.samples = inputs_.samples();
  header_.target_columns = targets_.row_size();
  const bool whole = targets_.type().is_integer() && targets_.extents().size() == 1;
  header_.natural_targets = whole ? TargetKind::classes : TargetKind::values;
  header_.class_names = std::move(class_names);
  header_.target_source = targets_.path();
}

std::unique_ptr<ArrayReader> ArrayReader::open_idx(const std::string& inputs, const std::string& labels) {
  ArrayFile images = ArrayFile::open_idx(inputs);
  const std::vector<Index>& extents = images.extents();
  const SampleShape shape =
      extents.size() == 3 ? SampleShape{1, extents[1], extents[2]} : shape_of_samples(extents, inputs);
  return std::make_unique<ArrayReader>(
      std::move(images), ArrayFile::open_idx(labels_path(inputs, labels, idx_renamings)), shape);
}

std::unique_ptr<ArrayReader> ArrayReader::open_npy(const std::string& inputs, const std::string& labels) {
  ArrayFile array = ArrayFile::open_npy(inputs);
  const SampleShape shape = shape_of_samples(array.extents(), inputs);
  return std::make_unique<ArrayReader>(
      std::move(array), ArrayFile::open_npy(labels_path(inputs, labels, npy_renamings)), shape);
}

void ArrayReader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  inputs_.read_rows(samples, inputs);
  if (inputs_.type().is_pixel())
    for (Index j = 0; j < inputs.cols; ++j)
      for (Index i = 0; i < inputs.rows; ++i) inputs(i, j) /= 255.0;
  targets_.read_rows(samples, targets);
}

}  // namespace widegram::io
