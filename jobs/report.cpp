#include "jobs/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "jobs/units.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

using Json = nlohmann::json;
using Row = std::array<std::string, 9>;

const Row headings{"name",   "train",   "test",      "kernel",     "ranks",
                   "gram s", "solve s", "predict s", "test result"};

Json read_metrics(const std::filesystem::path& folder) {
  std::ifstream in(folder / "metrics.json");
  if (!in)
    throw Error(
        ExitCode::files,
        fmt::format("{}: holds no metrics.json: name the output folder of a finished run", folder.string()));
  Json metrics = Json::parse(in, nullptr, false);
  if (!metrics.is_object())
    throw Error(ExitCode::files,
                fmt::format("{}/metrics.json: is damaged: run the job again", folder.string()));
  return metrics;
}

/// The value at a JSON pointer such as "/gram/seconds"; null where there is none.
Json at(const Json& metrics, const char* pointer) {
  return metrics.value(Json::json_pointer(pointer), Json());
}

std::string text_of(const Json& value) {
  return value.is_string() && !value.empty() ? value.get<std::string>() : "-";
}

std::string seconds_of(const Json& value) {
  return value.is_number() ? fmt::format("{:.2f}", value.get<double>()) : "-";
}

std::string kernel_of(const Json& metrics) {
  if (const Json kind = at(metrics, "/dkm/kind"); kind.is_string())
    return fmt::format("dkm {} {}", kind.get<std::string>(), text_of(at(metrics, "/dkm/kernel")));
  const std::string preset = text_of(at(metrics, "/kernel/preset"));
  return fmt::format("{} {} {}", preset.empty() || preset == "-" ? "layers" : preset,
                     text_of(at(metrics, "/kernel/function")), text_of(at(metrics, "/kernel/precision")));
}

std::string quality_of(const Json& metrics) {
  std::string text = "-";
  if (const Json accuracy = at(metrics, "/test/accuracy"); accuracy.is_number())
    text = fmt::format("{:.2f} %", 100 * accuracy.get<double>());
  else if (const Json rmse = at(metrics, "/test/rmse"); rmse.is_number())
    text = fmt::format("rmse {:.4g}", rmse.get<double>());
  if (const Json nlpd = at(metrics, "/test/nlpd"); nlpd.is_number())
    text += fmt::format(", nlpd {:.4g}", nlpd.get<double>());
  return text;
}

Row row_of(const Json& metrics) {
  const Json ranks = at(metrics, "/ranks");
  return {text_of(at(metrics, "/name")),
          text_of(at(metrics, "/data/train")),
          text_of(at(metrics, "/data/test")),
          kernel_of(metrics),
          ranks.is_number() ? ranks.dump() : "-",
          seconds_of(at(metrics, "/gram/seconds")),
          seconds_of(at(metrics, metrics.contains("dkm") ? "/dkm/seconds" : "/solve/seconds")),
          seconds_of(at(metrics, "/predict/seconds")),
          quality_of(metrics)};
}

std::string table_of(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::size_t width = 0;
      for (const Row& other : rows) width = std::max(width, other[i].size());
      out += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], width);
    }
    out += "\n";
  }
  return out;
}

}  // namespace

Report report(const std::vector<std::string>& folders) {
  Report result;
  std::vector<Row> rows{headings};
  std::string files;
  for (const std::string& folder : folders) {
    try {
      Row row = row_of(read_metrics(folder));
      files += files_of(folder);
      rows.push_back(std::move(row));
    } catch (const Error& error) {
      result.unread.emplace_back(error.what());
    }
  }
  if (rows.size() > 1) result.text = table_of(rows) + "\n" + files;
  return result;
}

void print_report(const std::vector<std::string>& folders) {
  const Report found = report(folders);
  fmt::print("{}", found.text);
  if (!found.unread.empty()) throw Error(ExitCode::files, fmt::format("{}", fmt::join(found.unread, "; ")));
}

std::string files_of(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code reason;
  for (std::filesystem::directory_iterator entry(folder, reason), end; !reason && entry != end;
       entry.increment(reason)) {
    // A file may vanish after it was listed: then there is nothing to tell of it.
    std::error_code gone;
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.') || !entry->is_regular_file(gone)) continue;
    const std::uintmax_t bytes = entry->file_size(gone);
    if (!gone) files.push_back(fmt::format("{} ({})", name, readable_bytes(static_cast<double>(bytes))));
  }
  if (reason)
    throw Error(ExitCode::files,
                fmt::format("{}: the folder cannot be listed: {}", folder, reason.message()));
  std::ranges::sort(files);
  return fmt::format("{}: {}\n", folder, fmt::join(files, ", "));
}

}  // namespace widegram::jobs
