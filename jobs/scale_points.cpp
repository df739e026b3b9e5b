#include "jobs/scale_points.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <utility>

#include "io/data_spec.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {

std::string ScalePoint::folder() const {
  return n > 0 ? fmt::format("r{}-n{}", ranks, n) : fmt::format("r{}-all", ranks);
}

std::vector<ScalePoint> scale_points(const ScaleOptions& options, Index processors) {
  std::vector<Index> counts = options.ranks;
  if (counts.empty())
    for (Index ranks = 1; ranks <= processors; ranks *= 2) counts.push_back(ranks);
  std::vector<Index> sizes = options.sizes;
  if (sizes.empty() && !options.weak) sizes.push_back(0);
  std::map<std::pair<Index, Index>, ScalePoint> points;
  const auto point = [&](Index n, Index ranks) -> ScalePoint& {
    ScalePoint& found = points[{n, ranks}];
    found.ranks = ranks;
    found.n = n;
    return found;
  };
  for (const Index ranks : counts) {
    for (const Index n : sizes) point(n, ranks).strong = true;
    if (options.weak)
      point(std::llround(static_cast<double>(*options.weak) * std::sqrt(static_cast<double>(ranks))), ranks)
          .weak = true;
  }
  std::vector<ScalePoint> list;
  for (const auto& [place, found] : points) list.push_back(found);
  return list;
}

std::string cut_to(const std::string& train, Index n) {
  const io::SourceText source = io::parse_source(train);
  const Index from = source.slice ? source.slice->from.value_or(0) : 0;
  if (from < 0)
    throw Error(ExitCode::usage,
                fmt::format("data.train = \"{}\" begins counting from the end: for --sizes and --weak write "
                            "a slice that begins at a sample's number",
                            train));
  return fmt::format("{}[{}:{}]", source.name, from, from + n);
}

}  // namespace widegram::jobs
