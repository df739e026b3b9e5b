#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "io/inspect.hpp"

namespace widegram::io {

namespace {

std::string shape_text(const std::vector<Index>& shape) {
  return shape.empty() ? "one number" : fmt::format("{}", fmt::join(shape, " x "));
}

std::string value_text(const FileReport::Value& value) {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
}

std::string bytes_text(Index bytes) {
  constexpr Index mega = 1000000;
  return bytes < mega ? fmt::format("{} bytes", bytes)
                      : fmt::format("{:.1f} MB", static_cast<double>(bytes) / mega);
}

}  // namespace

std::string FileReport::text() const {
  std::string out =
      fmt::format("{}: {} file, {} ({} on disk), {}\n", path, kind == "hdf5" ? "HDF5" : kind,
                  bytes_text(bytes), bytes_text(bytes_on_disk), complete ? "complete" : "not complete");
  for (const TileEntry& entry : tiles)
    out +=
        fmt::format("  {:<20} {} of {} tiles ({:.1f} %), checksum {}\n", entry.name, entry.done, entry.all,
                    100.0 * static_cast<double>(entry.done) / static_cast<double>(entry.all), entry.checksum);
  out += "datasets\n";
  for (const DatasetEntry& entry : datasets)
    out += fmt::format("  {:<20} {} {}\n", entry.name, shape_text(entry.shape), entry.type);
  if (!attributes.empty()) out += "attributes\n";
  for (const auto& [name, value] : attributes) out += fmt::format("  {:<20} {}\n", name, value_text(value));
  return out;
}

std::string FileReport::json() const {
  using nlohmann::ordered_json;
  ordered_json out{{"path", path},
                   {"kind", kind},
                   {"bytes", bytes},
                   {"bytes_on_disk", bytes_on_disk},
                   {"complete", complete}};
  if (!tiles.empty()) {
    ordered_json& list = out["tiles"] = ordered_json::object();
    for (const TileEntry& entry : tiles)
      list[entry.name] = {{"done", entry.done}, {"all", entry.all}, {"checksum", entry.checksum}};
  }
  ordered_json& shapes = out["datasets"] = ordered_json::object();
  for (const DatasetEntry& entry : datasets)
    shapes[entry.name] = {{"shape", entry.shape}, {"type", entry.type}};
  ordered_json& facts = out["attributes"] = ordered_json::object();
  for (const auto& [name, value] : attributes)
    std::visit([&, key = name](const auto& v) { facts[key] = v; }, value);
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace widegram::io
