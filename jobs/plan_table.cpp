#include "jobs/plan_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "jobs/toml_file.hpp"
#include "src/base/median.hpp"

namespace widegram::jobs {
namespace {

constexpr const char* head = "{:>6}{:>8}  {:<10}{:>14}{:>12}{:>12}{:>12}{:>12}  {}\n";

Json phase_json(const PhaseCost& phase) {
  return {{"seconds", phase.seconds()},
          {"computing", phase.computing},
          {"communication", phase.communication},
          {"files", phase.files},
          {"steps", phase.steps}};
}

Json point_json(const PlanPoint& point, const Node& node) {
  Json phases = Json::object();
  for (const PhaseCost& phase : point.phases) phases[phase.name] = phase_json(phase);
  return {{"nodes", point.nodes},
          {"ranks", point.ranks},
          {"grid", {point.layout.grid.rows, point.layout.grid.cols}},
          {"block", point.layout.block},
          {"schedule_imbalance", point.imbalance},
          {"method", point.method},
          {"seconds", point.seconds()},
          {"phases", phases},
          {"memory_bytes_a_rank", point.memory_bytes()},
          {"memory_allowed_bytes_a_rank", point.allowed_memory},
          {"memory_parts",
           {{"matrix", point.memory.matrix},
            {"inputs", point.memory.inputs},
            {"prepared", point.memory.prepared},
            {"records", point.memory.records},
            {"scratch", point.memory.scratch},
            {"vectors", point.memory.vectors}}},
          {"fits", point.refused.empty()},
          {"refused", point.refused},
          {"file_bytes", point.file_bytes},
          {"file_size", point.file_size},
          {"efficiency", point.efficiency},
          {"core_hours", point.core_hours(node)},
          {"bottleneck", point.bottleneck()}};
}

/// |predicted / measured - 1| of the phases that both know, by phase.
void compare(const PlanPoint& planned, const Json& phases,
             std::map<std::string, std::vector<double>>& errors) {
  for (const PhaseCost& phase : planned.phases) {
    const auto measured = phases.find(phase.name);
    if (measured == phases.end()) continue;
    const double step = measured->at("step_seconds").get<double>();
    if (step > 0) errors[phase.name].push_back(std::abs(phase.seconds() / phase.steps / step - 1));
  }
  const double total = phases.value(Json::json_pointer("/total/step_seconds"), 0.0);
  if (total > 0) errors["total"].push_back(std::abs(planned.seconds() / total - 1));
}

}  // namespace

std::vector<Index> node_counts(Index first, Index last) {
  std::vector<Index> counts;
  for (Index nodes = first; nodes < last; nodes *= 2) counts.push_back(nodes);
  counts.push_back(last);
  return counts;
}

std::vector<PlanError> compare_with_points(const PlanSubject& subject, const std::string& path) {
  const std::string text =
      read_named_file(path, "file of measured points", "`widegram scale` writes one as OUTPUT/scaling.json");
  const Json study = Json::parse(text, nullptr, false);
  std::map<std::string, std::vector<double>> errors;
  try {
    for (const Json& point : study.at("points")) {
      if (point.at("finished").get<Index>() == 0 || point.at("oversubscribed").get<bool>()) continue;
      PlanSubject measured = subject;
      measured.outline.train_samples = point.at("n").get<Index>();
      compare(plan_point(measured, 1, point.at("ranks").get<Index>()), point.at("phases"), errors);
    }
  } catch (const Json::exception& error) {
    throw Error(ExitCode::usage,
                fmt::format("{}: is no scaling.json of `widegram scale` ({})", path, error.what()));
  }
  std::vector<PlanError> all;
  for (auto& [phase, values] : errors)
    all.push_back(
        {phase, std::ssize(values), median(values), *std::max_element(values.begin(), values.end())});
  return all;
}

std::string to_text(const PlanSubject& subject, const std::vector<PlanPoint>& points,
                    const std::vector<PlanError>& errors) {
  const Node& node = subject.node;
  std::string text =
      fmt::format("{}: {} training samples on nodes like {} ({} cores, {}, {:.0f} Gflop/s a core)\n",
                  subject.job.name, subject.outline.train_samples, node.name, node.cores,
                  readable_bytes(static_cast<double>(node.memory.value)), node.dgemm_gflops);
  text += fmt::format(fmt::runtime(head), "nodes", "ranks", "method", "time", "memory/rank", "files",
                      "efficiency", "core-hours", "bottleneck");
  for (const PlanPoint& point : points)
    text += fmt::format(
        fmt::runtime(head), point.nodes, point.ranks, point.method.empty() ? "dkm" : point.method,
        readable_seconds(point.seconds()), readable_bytes(point.memory_bytes()),
        readable_bytes(point.file_bytes), fmt::format("{:.0f} %", 100 * point.efficiency),
        fmt::format("{:.3g}", point.core_hours(node)),
        point.bottleneck() + (point.refused.empty() ? "" : fmt::format("; cannot run: {}", point.refused)));
  std::string assumed;
  for (const auto& [name, origin] : node.origin)
    if (origin == "assumed") assumed += (assumed.empty() ? "" : ", ") + name;
  if (!assumed.empty()) text += fmt::format("assumed, not measured: {} (--node-file gives them)\n", assumed);
  for (const PlanError& error : errors)
    text += fmt::format("against {} measured point{}: {} is off by {:.0f} % (median), {:.0f} % at most\n",
                        error.points, error.points == 1 ? "" : "s", error.phase, 100 * error.median,
                        100 * error.most);
  return text;
}

Json to_json(const PlanSubject& subject, const std::vector<PlanPoint>& points,
             const std::vector<PlanError>& errors) {
  Json json = {{"name", subject.job.name},
               {"n", subject.outline.train_samples},
               {"m", subject.outline.test_samples},
               {"tile_seconds",
                {{"train", subject.tiles.train},
                 {"diagonal", subject.tiles.diagonal},
                 {"test", subject.tiles.test},
                 {"sample", subject.tiles.sample}}},
               {"node", to_json(subject.node)},
               {"points", Json::array()},
               {"errors", Json::array()}};
  for (const PlanPoint& point : points) json["points"].push_back(point_json(point, subject.node));
  for (const PlanError& error : errors)
    json["errors"].push_back(
        {{"phase", error.phase}, {"points", error.points}, {"median", error.median}, {"max", error.most}});
  return json;
}

}  // namespace widegram::jobs
