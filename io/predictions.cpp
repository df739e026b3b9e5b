#include "io/predictions.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

constexpr Index predictions_format_version = 1;

std::string meaning(const VarianceNote& note) {
  if (note.kind == "posterior")
    return "posterior variance of the function at a test sample, the same for each output; "
           "add noise for that of a target";
  if (note.kind == "deep kernel machine")
    return "posterior variance of the function at a test sample under the machine's top Gram, the same for "
           "each output; add noise for that of a target";
  return "variance over networks trained to the end with the ridge, the same for each output; add noise for "
         "that of a target";
}

void create_variance(const hdf5::File& file, Index m, const VarianceNote& note) {
  hdf5::Dataset::create<double>(file, "/variance", {.shape = {m}});
  hdf5::write_attribute(file, "/variance", "kind", note.kind);
  hdf5::write_attribute(file, "/variance", "noise", note.noise);
  hdf5::write_attribute(file, "/variance", "meaning", meaning(note));
}

void create_draft(const std::string& draft, const PredictionsHeader& header, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  hdf5::write_attribute(file, "/", "format", "widegram predictions");
  hdf5::write_attribute(file, "/", "format_version", predictions_format_version);
  hdf5::write_attribute(file, "/", "kernel", header.kernel);
  hdf5::write_attribute(file, "/", "function", header.function);
  hdf5::write_attribute(file, "/", "test_hash", to_hex(header.test_hash));
  if (header.variance) {  // what `inspect` shows
    hdf5::write_attribute(file, "/", "variance", header.variance->kind);
    hdf5::write_attribute(file, "/", "noise", header.variance->noise);
  }
  hdf5::write_attribute(file, "/", "complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));
  hdf5::Dataset::create<double>(file, "/mean", {.shape = {header.m, header.k}});
  if (header.classes) hdf5::Dataset::create<std::int64_t>(file, "/class", {.shape = {header.m}});
  if (header.targets == TargetKind::classes)
    hdf5::Dataset::create<std::int64_t>(file, "/target", {.shape = {header.m}});
  if (header.targets == TargetKind::values)
    hdf5::Dataset::create<double>(file, "/target", {.shape = {header.m, header.k}});
  if (header.log_probabilities)
    hdf5::Dataset::create<double>(file, "/log_probability", {.shape = {header.m, header.k}});
  if (header.variance) create_variance(file, header.m, *header.variance);
  file.close();
}

}  // namespace

PredictionsWriter::PredictionsWriter(const mpi::Communicator& comm, std::string path,
                                     const PredictionsHeader& header, DraftGuard draft)
    : comm_(comm.duplicate()),
      path_(std::move(path)),
      draft_(std::move(draft)),
      file_(hdf5::File::open_all(comm_, draft_path(path_), hdf5::Access::write)),
      mean_(file_, "/mean") {
  if (header.classes) class_ = hdf5::Dataset(file_, "/class");
  if (header.targets) target_ = hdf5::Dataset(file_, "/target");
  if (header.variance) variance_ = hdf5::Dataset(file_, "/variance");
  if (header.log_probabilities) log_probability_ = hdf5::Dataset(file_, "/log_probability");
}

PredictionsWriter PredictionsWriter::create(const mpi::Communicator& comm, const std::string& path,
                                            const PredictionsHeader& header) {
  DraftGuard draft;
  mpi::on_root(comm, [&] {
    const Index outputs = header.log_probabilities ? 2 * header.k : header.k;
    draft = begin_draft(path, header.m * (outputs + 2) * Index{sizeof(double)});
    create_draft(draft_path(path), header, comm.size());
  });
  return PredictionsWriter(comm, path, header, std::move(draft));
}

void PredictionsWriter::write_rows(const hdf5::Dataset& dataset, Index first,
                                   MatrixView<const double> values) const {
  std::vector<double> rows;
  rows.reserve(static_cast<std::size_t>(values.rows * values.cols));
  for (Index i = 0; i < values.rows; ++i)
    for (Index j = 0; j < values.cols; ++j) rows.push_back(values(i, j));
  dataset.write<double>({{first, 0}, {values.rows, values.cols}}, rows);
}

void PredictionsWriter::write_mean(Index first, MatrixView<const double> mean) {
  write_rows(mean_, first, mean);
  if (class_ && !log_probability_) write_class(first, mean);
}

void PredictionsWriter::write_log_probabilities(Index first, MatrixView<const double> logs) {
  write_rows(log_probability_, first, logs);
  write_class(first, logs);
}

void PredictionsWriter::write_class(Index first, MatrixView<const double> scores) const {
  std::vector<std::int64_t> classes;
  for (Index i = 0; i < scores.rows; ++i) {
    Index best = 0;
    for (Index j = 1; j < scores.cols; ++j)
      if (scores(i, j) > scores(i, best)) best = j;
    classes.push_back(best);
  }
  class_.write<std::int64_t>({{first}, {scores.rows}}, classes);
}

void PredictionsWriter::write_target_classes(Index first, std::span<const std::int64_t> classes) {
  target_.write<std::int64_t>({{first}, {static_cast<Index>(classes.size())}}, classes);
}

void PredictionsWriter::write_target_values(Index first, MatrixView<const double> values) {
  write_rows(target_, first, values);
}

void PredictionsWriter::write_variance(Index first, std::span<const double> variance) {
  variance_.write<double>({{first}, {static_cast<Index>(variance.size())}}, variance);
}

void PredictionsWriter::finish() {
  mpi::collectively(comm_, [&] {
    mean_ = {};
    class_ = {};
    target_ = {};
    variance_ = {};
    log_probability_ = {};
    file_.close();
  });
  mpi::on_root(comm_, [&] {
    seal_whole(draft_path(path_), "predictions");
    publish(path_);
  });
}

}  // namespace widegram::io
