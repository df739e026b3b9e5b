#include "jobs/scale_measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "src/base/error.hpp"
#include "src/base/median.hpp"

namespace widegram::jobs {
namespace {

Json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return in ? Json::parse(in, nullptr, false) : Json();
}

/// The number at a JSON pointer; 0 where there is none.
double number(const Json& metrics, const char* pointer) {
  const Json value = metrics.value(Json::json_pointer(pointer), Json());
  return value.is_number() ? value.get<double>() : 0.0;
}

double steps_of(const std::string& phase, const Json& metrics) {
  const double steps = phase == "cg"    ? number(metrics, "/solve/iterations")
                       : phase == "dkm" ? number(metrics, "/dkm/iterations")
                                        : 1.0;
  return std::max(1.0, steps);
}

/// Of a step.
double work_of(const std::string& phase, const Json& metrics) {
  const double n = number(metrics, "/data/train_samples");
  if (phase == "assembly") return number(metrics, "/gram/entries");
  if (phase == "predict") return number(metrics, "/test_block/entries");
  if (phase == "factorisation") return n * n * n / 3;
  if (phase == "cg" || phase == "substitution") return n * n;
  if (phase == "dkm") return n * n * n;
  if (phase == "reading") return n + number(metrics, "/data/test_samples");
  if (phase == "writing") return number(metrics, "/gram/entries");
  if (phase == "preconditioner") {
    const double rank = number(metrics, "/solve/preconditioner/rank");
    return n * rank * rank;
  }
  return 0;
}

/// What the repeats of one phase have in common.
PhaseTime median_of(const std::string& name, const std::vector<Json>& runs) {
  const auto middle = [&](const std::function<double(const Json&)>& value) {
    std::vector<double> values;
    for (const Json& run : runs) values.push_back(value(run));
    return median(values);
  };
  const std::string at = "/phases/" + name;
  PhaseTime time;
  time.seconds = middle([&](const Json& run) { return number(run, (at + "/seconds").c_str()); });
  time.steps = middle([&](const Json& run) { return steps_of(name, run); });
  time.work = work_of(name, runs.front());
  const auto share = [&](const std::string& pointer) {
    return middle([&](const Json& run) {
      const double seconds = number(run, (at + "/seconds").c_str());
      return seconds > 0 ? std::min(1.0, number(run, (at + pointer).c_str()) / seconds) : 0.0;
    });
  };
  time.communication = share("/mpi_seconds/min");
  time.imbalance = std::max(0.0, share("/mpi_seconds/mean") - time.communication);
  return time;
}

using Efficiency = std::optional<double> PhaseTime::*;

/// What `value` of a phase is against that of the fewest ranks, among `points` in order of their ranks.
void compare(const std::vector<MeasuredPoint*>& points, Efficiency efficiency,
             const std::function<double(const PhaseTime&, double ranks)>& value) {
  if (points.empty()) return;
  for (const auto& [name, first] : points.front()->phases) {
    const double base = value(first, static_cast<double>(points.front()->point.ranks));
    for (MeasuredPoint* point : points) {
      const auto phase = point->phases.find(name);
      if (phase == point->phases.end() || base <= 0) continue;
      phase->second.*efficiency = value(phase->second, static_cast<double>(point->point.ranks)) / base;
    }
  }
}

}  // namespace

bool is_finished(const std::filesystem::path& path) {
  const Json metrics = read_json(path);
  return metrics.is_object() && metrics.contains("phases") && !metrics.contains("stopped");
}

MeasuredPoint measure_point(const std::filesystem::path& folder, const ScalePoint& point, Index processors) {
  MeasuredPoint measured{.point = point, .oversubscribed = point.ranks > processors, .n = point.n};
  std::vector<Json> runs;
  for (Index repeat = 1; is_finished(folder / fmt::format("k{}", repeat) / "metrics.json"); ++repeat)
    runs.push_back(read_json(folder / fmt::format("k{}", repeat) / "metrics.json"));
  if (const Json failure = read_json(folder / "failure.json"); failure.is_object())
    measured.failure = {failure.value("exit_code", 1), failure.value("message", "")};
  measured.finished = std::ssize(runs);
  if (runs.empty()) return measured;
  measured.n = static_cast<Index>(number(runs.front(), "/data/train_samples"));
  measured.m = static_cast<Index>(number(runs.front(), "/data/test_samples"));
  measured.preconditioner_rank = number(runs.front(), "/solve/preconditioner/rank");
  for (const auto& [name, phase] : runs.front().at("phases").items())
    measured.phases[name] = median_of(name, runs);
  std::vector<double> whole;
  for (const Json& run : runs) whole.push_back(number(run, "/seconds"));
  measured.phases["total"].seconds = median(whole);
  return measured;
}

void add_efficiencies(std::vector<MeasuredPoint>& points) {
  std::vector<MeasuredPoint*> weak;
  std::map<Index, std::vector<MeasuredPoint*>> strong;
  for (MeasuredPoint& point : points) {
    if (!point.counts()) continue;
    if (point.point.weak) weak.push_back(&point);
    if (point.point.strong) strong[point.n].push_back(&point);
  }
  const auto by_ranks = [](const MeasuredPoint* point) { return point->point.ranks; };
  std::ranges::sort(weak, {}, by_ranks);
  const auto rate = [](const PhaseTime& time, double ranks) {
    return time.seconds > 0 ? time.work / time.step_seconds() / ranks : 0.0;
  };
  compare(weak, &PhaseTime::weak_efficiency, rate);
  for (auto& [n, family] : strong) {
    std::ranges::sort(family, {}, by_ranks);
    compare(family, &PhaseTime::strong_efficiency, [](const PhaseTime& time, double ranks) {
      return time.seconds > 0 ? 1 / (time.step_seconds() * ranks) : 0.0;
    });
  }
}

}  // namespace widegram::jobs
