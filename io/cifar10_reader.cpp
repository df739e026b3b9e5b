#include "io/cifar10_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/element_type.hpp"
#include "src/base/error.hpp"

namespace widegram::io {
namespace {

namespace fs = std::filesystem;

constexpr Index classes = 10;
constexpr SampleShape image{3, 32, 32};
constexpr Index record_bytes = 1 + 3 * 32 * 32;
constexpr Index records_a_piece = 256;

std::vector<std::string> batches_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) paths.push_back(entry->path().string());
  }
  if (error)
    throw Error(ExitCode::data, fmt::format("{}: the folder cannot be listed: {}", folder, error.message()));
  // Shorter first: batch 10 comes behind batch 9.
  std::sort(paths.begin(), paths.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return paths;
}

std::vector<std::string> split_at_commas(const std::string& source) {
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin <= source.size();) {
    const std::size_t end = std::min(source.find(',', begin), source.size());
    paths.push_back(source.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

std::vector<std::string> paths_of(const std::string& source) {
  std::error_code ignored;  // opening a file tells what is wrong with it
  if (!fs::is_directory(source, ignored))
    return fs::exists(source, ignored) ? std::vector{source} : split_at_commas(source);
  std::vector<std::string> paths = batches_in(source);
  if (paths.empty()) throw Error(ExitCode::data, source + ": the folder holds no data_batch_*.bin");
  return paths;
}

/// Ten names, or nothing where they are not at hand.
std::vector<std::string> names_beside(const std::string& path) {
  std::ifstream file(fs::path(path).parent_path() / "batches.meta.txt");
  std::vector<std::string> names;
  for (std::string name; std::getline(file, name);)
    if (!name.empty()) names.push_back(name);
  return std::ssize(names) == classes ? names : std::vector<std::string>{};
}

}  // namespace

bool is_cifar10_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && !batches_in(path).empty();
}

Cifar10Reader::Cifar10Reader(const std::string& source) {
  const std::vector<std::string> paths = paths_of(source);
  for (const std::string& path : paths) {
    const InputFile& file = files_.emplace_back(path);
    if (file.compressed())
      throw Error(ExitCode::data, path + ": is compressed; unpack it first (gunzip, tar -xf)");
    if (file.largest_size() % record_bytes != 0)
      throw Error(ExitCode::data,
                  fmt::format("{}: {} bytes are not whole CIFAR-10 records of {} bytes: the file is cut or "
                              "of another format",
                              path, file.largest_size(), record_bytes));
    starts_.push_back(starts_.back() + file.largest_size() / record_bytes);
  }
  header_.shape = image;
  header_.samples = starts_.back();
  header_.class_names = names_beside(paths.front());
  if (header_.class_names.empty())
    for (Index k = 0; k < classes; ++k) header_.class_names.push_back(std::to_string(k));
  header_.target_source = source;
}

void Cifar10Reader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  for (std::size_t f = 0; f < files_.size(); ++f) {
    const Range part{std::max(samples.begin, starts_[f]), std::min(samples.end, starts_[f + 1])};
    if (part.empty()) continue;
    const Range columns{part.begin - samples.begin, part.end - samples.begin};
    read_records(files_[f], {part.begin - starts_[f], part.end - starts_[f]},
                 inputs.block({0, inputs.rows}, columns), targets.block({0, 1}, columns));
  }
}

void Cifar10Reader::read_records(InputFile& file, Range records, MatrixView<double> inputs,
                                 MatrixView<double> targets) {
  const ElementType byte{ElementType::Kind::unsigned_integer, 1, false};
  std::vector<std::byte> raw(
      static_cast<std::size_t>(std::min(records_a_piece, records.size()) * record_bytes));
  for (Index begin = records.begin; begin < records.end; begin += records_a_piece) {
    const Index count = std::min(records_a_piece, records.end - begin);
    const std::span piece(raw.data(), static_cast<std::size_t>(count * record_bytes));
    file.read_at(begin * record_bytes, piece);
    for (Index r = 0; r < count; ++r) {
      const Index column = begin - records.begin + r;
      const std::span record = piece.subspan(static_cast<std::size_t>(r * record_bytes), record_bytes);
      decode(byte, record.first(1), {targets.column(column), 1});
      const std::span pixels(inputs.column(column), static_cast<std::size_t>(inputs.rows));
      decode(byte, record.subspan(1), pixels);
      for (double& pixel : pixels) pixel /= 255.0;
    }
  }
}

}  // namespace widegram::io
