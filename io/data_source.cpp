#include "io/data_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <string_view>

#include "io/array_reader.hpp"
#include "io/cifar10_reader.hpp"
#include "io/csv_reader.hpp"
#include "io/digits_reader.hpp"
#include "io/hdf5_reader.hpp"
#include "io/input_file.hpp"
#include "io/libsvm_reader.hpp"
#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* fashion_folder = "/usr/share/datasets/fashion-mnist/";

const std::vector<std::string> fashion_classes = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

std::unique_ptr<DataReader> open_fashion(const std::string& part) {
  const std::string images = fashion_folder + part + "-images-idx3-ubyte.gz";
  if (is_missing(images))
    throw Error(ExitCode::data, images + ": not installed; apt-get install dataset-fashion-mnist");
  return std::make_unique<ArrayReader>(ArrayFile::open_idx(images),
                                       ArrayFile::open_idx(fashion_folder + part + "-labels-idx1-ubyte.gz"),
                                       SampleShape{1, 28, 28}, fashion_classes);
}

using Opener = std::function<std::unique_ptr<DataReader>()>;

const std::map<std::string, Opener>& builtins() {
  const auto digits = [](Range part) { return [part] { return std::make_unique<DigitsReader>(part); }; };
  static const std::map<std::string, Opener> table = {
      {"digits", digits({0, DigitsReader::all})},
      {"digits:train", digits({0, DigitsReader::first_test})},
      {"digits:test", digits({DigitsReader::first_test, DigitsReader::all})},
      {"fashion-mnist:train", [] { return open_fashion("train"); }},
      {"fashion-mnist:test", [] { return open_fashion("t10k"); }}};
  return table;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const auto& [name, opener] : builtins()) names.push_back(name);
  return names;
}

void check_exists(const std::string& name) {
  if (!is_missing(name)) return;
  const bool looks_sliced = name.ends_with(']');
  throw Error(ExitCode::data, fmt::format("{}: no such file{}{}", name, suggestion(name, builtin_names()),
                                          looks_sliced ? " (a slice is written [from:to])" : ""));
}

bool has_ending(const std::string& name, std::initializer_list<std::string_view> endings) {
  const std::string_view plain =
      name.ends_with(".gz") ? std::string_view(name).substr(0, name.size() - 3) : name;
  for (const std::string_view ending : endings)
    if (plain.ends_with(ending)) return true;
  return false;
}

/// First the bytes that a format always begins with, then the name, then what the first line of a text looks
/// like.
std::string guess_format(const std::string& name) {
  if (is_cifar10_folder(name)) return "cifar10";
  std::error_code ignored;  // several names with commas may be more than a path can be long
  if (!fs::exists(name, ignored) && name.find(',') != std::string::npos && name.ends_with(".bin"))
    return "cifar10";
  check_exists(name);
  InputFile file(name);
  std::array<char, 4096> start{};
  const std::size_t bytes = file.read_some(std::as_writable_bytes(std::span(start)));
  const std::string_view text(start.data(), bytes);
  if (text.starts_with("\x89HDF\r\n\x1a\n") || has_ending(name, {".h5", ".hdf5"})) return "hdf5";
  if (text.starts_with("\x93NUMPY") || has_ending(name, {".npy"})) return "npy";
  // Before idx: a black first image of class 0 begins with zeros too.
  if (name.ends_with(".bin")) return "cifar10";
  if (text.starts_with(std::string_view("\0\0", 2)) || has_ending(name, {"-ubyte", ".idx"})) return "idx";
  if (has_ending(name, {".csv", ".tsv"})) return "csv";
  if (has_ending(name, {".libsvm", ".svm", ".svmlight"})) return "libsvm";
  const std::string_view line = text.substr(0, text.find('\n'));
  const bool is_text = line.find('\0') == std::string_view::npos;
  if (is_text && line.find(' ') != std::string_view::npos && line.find(':') != std::string_view::npos)
    return "libsvm";
  if (is_text && line.find_first_of(",;\t") != std::string_view::npos) return "csv";
  throw Error(
      ExitCode::data,
      name +
          ": the format is not clear: neither the first bytes (hdf5, npy, idx), nor the name (.h5 .hdf5 .npy "
          ".idx -ubyte .bin .csv .tsv .libsvm .svm), nor the first line (csv, libsvm) tells; set `format`");
}

}  // namespace

bool is_builtin(const std::string& name) { return name == "fashion-mnist" || builtins().contains(name); }

std::string format_of(const SourceText& source, const DataSpec& spec) {
  const std::vector<std::string>& formats = data_formats();
  if (std::find(formats.begin(), formats.end(), spec.format) == formats.end())
    throw Error(ExitCode::usage, fmt::format("format = \"{}\" is not known{}; it is one of {}", spec.format,
                                             suggestion(spec.format, formats), fmt::join(formats, ", ")));
  if (is_builtin(source.name)) return "built-in";
  return spec.format == "auto" ? guess_format(source.name) : spec.format;
}

std::unique_ptr<DataReader> open_source(const SourceText& source, const std::string& format,
                                        const DataSpec& spec, const std::optional<KnownTargets>& known) {
  if (source.name == "fashion-mnist")
    throw Error(ExitCode::data, "fashion-mnist: write fashion-mnist:train or fashion-mnist:test");
  const bool takes_labels = format == "idx" || format == "npy" || format == "csv";
  if (!takes_labels && spec.labels != "auto")
    throw Error(ExitCode::data,
                fmt::format("{}: {} data keeps its labels in its own place: leave out labels = \"{}\"",
                            source.name, format, spec.labels));
  if (const auto builtin = builtins().find(source.name); builtin != builtins().end())
    return builtin->second();
  if (format == "cifar10") return std::make_unique<Cifar10Reader>(source.name);
  check_exists(source.name);
  if (format == "idx") return ArrayReader::open_idx(source.name, spec.labels);
  if (format == "npy") return ArrayReader::open_npy(source.name, spec.labels);
  if (format == "hdf5") return std::make_unique<Hdf5Reader>(source.name);
  if (format == "csv") return std::make_unique<CsvReader>(source.name, spec.labels, spec.targets, known);
  return std::make_unique<LibsvmReader>(source.name, spec.features, spec.targets, known);
}

}  // namespace widegram::io
