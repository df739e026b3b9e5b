#include "io/gram_store_header.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/provenance.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::io {

namespace {

constexpr char format_name[] = "widegram gram";

std::string sample_difference(std::string_view what, const std::vector<std::uint64_t>& in_file,
                              const std::vector<std::uint64_t>& in_job) {
  const auto [mine, theirs] = std::mismatch(in_file.begin(), in_file.end(), in_job.begin(), in_job.end());
  if (mine == in_file.end() && theirs == in_job.end()) return {};
  if (mine == in_file.end() || theirs == in_job.end())
    return fmt::format("{} data: {} samples in the file, {} in the job", what, in_file.size(), in_job.size());
  return fmt::format(
      "{} data: sample {} is {} in the file, {} in the job (checksums of the preprocessed sample)", what,
      mine - in_file.begin(), to_hex(*mine), to_hex(*theirs));
}

/// Of all but the samples.
std::string settings_difference(const GramHeader& in_file, const GramHeader& in_job) {
  for (const std::string& text :
       {difference_of("kernel", in_file.kernel, in_job.kernel),
        difference_of("function", in_file.function, in_job.function),
        difference_of("precision", to_string(in_file.precision), to_string(in_job.precision)),
        difference_of("tile", in_file.tile, in_job.tile),
        difference_of("sample shape", to_string(in_file.sample_shape), to_string(in_job.sample_shape)),
        difference_of("augment", in_file.augment, in_job.augment)})
    if (!text.empty()) return text;
  return {};
}

/// Whether the first samples are the beginning of all.
bool leads(const std::vector<std::uint64_t>& first, const std::vector<std::uint64_t>& all) {
  return first.size() <= all.size() && std::equal(first.begin(), first.end(), all.begin());
}

std::vector<std::uint64_t> read_sample_set(const hdf5::File& file, const std::string& name, Index count) {
  if (count == 0) return {};
  std::vector<std::uint64_t> samples = hdf5::Dataset(file, name).read_all<std::uint64_t>();
  if (static_cast<Index>(samples.size()) != count)
    throw Error(file.origin().code, fmt::format("{}: {} holds {} samples in place of {}", file.path(), name,
                                                samples.size(), count));
  return samples;
}

}  // namespace

std::string to_string(Precision precision) { return precision == Precision::float32 ? "float32" : "float64"; }

Precision precision_from(std::string_view word) {
  if (word == "float32") return Precision::float32;
  if (word == "float64") return Precision::float64;
  throw Error(ExitCode::usage, fmt::format("unknown precision '{}': float32 or float64", word));
}

std::string difference(const GramHeader& in_file, const GramHeader& in_job) {
  const std::string text = settings_difference(in_file, in_job);
  return text.empty() ? sample_difference("training", in_file.train_samples, in_job.train_samples) : text;
}

bool grows_into(const GramHeader& in_file, const GramHeader& in_job) {
  return settings_difference(in_file, in_job).empty() && leads(in_file.train_samples, in_job.train_samples) &&
         leads(in_file.test_samples, in_job.test_samples) &&
         (in_file.n() < in_job.n() || in_file.m() < in_job.m());
}

std::string growth_obstacle(const GramHeader& in_file, const GramHeader& in_job) {
  const std::string all = difference(in_file, in_job);
  if (all.empty()) return test_difference(in_file, in_job);
  if (!settings_difference(in_file, in_job).empty() || !leads(in_file.train_samples, in_job.train_samples))
    return all;
  return test_difference(in_file, in_job) +
         ": the training set of the file would grow with the job's, if its test set stayed the same or grew "
         "too";
}

std::string test_difference(const GramHeader& in_file, const GramHeader& in_job) {
  return sample_difference("test", in_file.test_samples, in_job.test_samples);
}

GramTiles::GramTiles(const GramHeader& header, GramPart part)
    : part_(part),
      rows_{part == GramPart::train ? header.n() : header.m(), header.tile},
      cols_{header.n(), header.tile} {}

Index GramTiles::count() const {
  return part_ == GramPart::train ? dist::triangle_number(rows_.count(), 0) : rows_.count() * cols_.count();
}

bool GramTiles::holds(TileIndex row, TileIndex col) const {
  return row >= 0 && col >= 0 && row < rows_.count() && col < cols_.count() &&
         (part_ != GramPart::train || col <= row);
}

Index GramTiles::number(TileIndex row, TileIndex col) const {
  return part_ == GramPart::train ? dist::triangle_number(row, col) : row * cols_.count() + col;
}

std::string GramTiles::name(TileIndex row, TileIndex col) const {
  const Range r = rows_.range(row);
  const Range c = cols_.range(col);
  return fmt::format("tile ({}, {}) of {}: rows {}-{}, columns {}-{}", row, col, dataset_name(part_), r.begin,
                     r.end - 1, c.begin, c.end - 1);
}

std::string dataset_name(GramPart part) { return part == GramPart::train ? "/train" : "/test_train"; }

std::string records_name(GramPart part) { return "/tiles" + dataset_name(part); }

void write_header(const hdf5::File& file, const GramHeader& header) {
  hdf5::write_attribute(file, "/", "format", format_name);
  hdf5::write_attribute(file, "/", "format_version", gram_format_version);
  hdf5::write_attribute(file, "/", "kernel", header.kernel);
  hdf5::write_attribute(file, "/", "function", header.function);
  hdf5::write_attribute(file, "/", "precision", to_string(header.precision));
  hdf5::write_attribute(file, "/", "tile", header.tile);
  hdf5::write_attribute(file, "/", "n", header.n());
  hdf5::write_attribute(file, "/", "m", header.m());
  hdf5::write_attribute(file, "/", "channels", header.sample_shape.channels);
  hdf5::write_attribute(file, "/", "height", header.sample_shape.height);
  hdf5::write_attribute(file, "/", "width", header.sample_shape.width);
  hdf5::write_attribute(file, "/", "augment", header.augment);
  hdf5::write_attribute(file, "/", "kernel_hash",
                        to_hex(checksum(header.kernel.data(), header.kernel.size())));
  hdf5::write_attribute(file, "/", "train_hash", to_hex(checksum(std::span(header.train_samples))));
  hdf5::write_attribute(file, "/", "test_hash", to_hex(checksum(std::span(header.test_samples))));
}

GramHeader read_header(const hdf5::File& file) {
  const auto text = [&](const char* name) { return hdf5::read_attribute<std::string>(file, "/", name); };
  const auto number = [&](const char* name) { return hdf5::read_attribute<std::int64_t>(file, "/", name); };
  if (const Index version = number("format_version"); version != gram_format_version)
    throw Error(file.origin().code,
                fmt::format("{}: format version: {} in the file, {} is what this program (version {}) knows; "
                            "remove the file or "
                            "choose another output",
                            file.path(), version, gram_format_version, program_version()));
  return {.kernel = text("kernel"),
          .function = text("function"),
          .precision = precision_from(text("precision")),
          .tile = number("tile"),
          .sample_shape = {number("channels"), number("height"), number("width")},
          .train_samples = read_sample_set(file, "/samples/train", number("n")),
          .test_samples = read_sample_set(file, "/samples/test", number("m")),
          // Files that were made before there was a choice do not say.
          .augment = hdf5::has_attribute(file, "/", "augment") ? text("augment") : "none"};
}

std::vector<std::string> damaged_samples(const hdf5::File& file, const GramHeader& header) {
  std::vector<std::string> damaged;
  const auto check = [&](const char* name, const char* hash, const std::vector<std::uint64_t>& samples) {
    if (to_hex(checksum(std::span(samples))) != hdf5::read_attribute<std::string>(file, "/", hash))
      damaged.emplace_back(name);
  };
  check("/samples/train", "train_hash", header.train_samples);
  check("/samples/test", "test_hash", header.test_samples);
  return damaged;
}

}  // namespace widegram::io
