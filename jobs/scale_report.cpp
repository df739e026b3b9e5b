#include "jobs/scale_report.hpp"

#include <fmt/format.h>

#include "io/provenance.hpp"
#include "jobs/units.hpp"

namespace widegram::jobs {
namespace {

Json phase_json(const PhaseTime& time) {
  Json json = {{"seconds", time.seconds},
               {"steps", time.steps},
               {"step_seconds", time.step_seconds()},
               {"work", time.work},
               {"communication_share", time.communication},
               {"imbalance_share", time.imbalance}};
  if (time.strong_efficiency) json["strong_efficiency"] = *time.strong_efficiency;
  if (time.weak_efficiency) json["weak_efficiency"] = *time.weak_efficiency;
  return json;
}

Json point_json(const MeasuredPoint& point) {
  Json phases = Json::object();
  for (const auto& [name, time] : point.phases) phases[name] = phase_json(time);
  Json json = {{"folder", point.point.folder()},
               {"ranks", point.point.ranks},
               {"n", point.n},
               {"m", point.m},
               {"strong", point.point.strong},
               {"weak", point.point.weak},
               {"oversubscribed", point.oversubscribed},
               {"finished", point.finished}};
  if (point.failure)
    json["failure"] = {{"exit_code", point.failure->exit_code}, {"message", point.failure->message}};
  json["phases"] = phases;
  return json;
}

Json model_json(const PhaseModel& model) {
  Json json = {{"terms", Json::array()}, {"residuals", Json::array()}};
  for (const ModelTerm& term : model.terms)
    json["terms"].push_back({{"name", term.name}, {"coefficient", term.coefficient}});
  for (const Residual& residual : model.residuals)
    json["residuals"].push_back({{"point", residual.point},
                                 {"measured", residual.measured},
                                 {"predicted", residual.predicted},
                                 {"error", residual.error()},
                                 {"held_out", residual.held_out}});
  json["fit"] = {{"median_error", model.median_error(false)}, {"max_error", model.largest_error(false)}};
  if (model.has_held_out())
    json["held_out"] = {{"median_error", model.median_error(true)}, {"max_error", model.largest_error(true)}};
  else
    json["remark"] = model.remark;
  return json;
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.0f} %", 100 * *share) : "-";
}

}  // namespace

Json to_json(const ScaleReport& report) {
  const io::Provenance provenance = io::current_provenance(1);
  Json json = {{"name", report.name},
               {"command", report.command},
               {"host", provenance.host},
               {"version", provenance.version},
               {"commit", provenance.commit},
               {"processors", report.processors},
               {"repeats", report.options.repeats},
               {"warmup", report.options.warmup},
               {"hold_out", report.options.hold_out},
               {"points", Json::array()},
               {"models", Json::object()}};
  for (const MeasuredPoint& point : report.points) json["points"].push_back(point_json(point));
  for (const PhaseModel& model : report.models) json["models"][model.phase] = model_json(model);
  return json;
}

std::string to_csv(const ScaleReport& report) {
  std::string text =
      "ranks,n,m,strong,weak,oversubscribed,finished,phase,seconds,steps,work,communication_share,"
      "imbalance_share,strong_efficiency,weak_efficiency\n";
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : std::string();
  };
  for (const MeasuredPoint& point : report.points)
    for (const auto& [name, time] : point.phases)
      text += fmt::format("{},{},{},{:d},{:d},{:d},{},{},{:.6g},{:g},{:g},{:.4f},{:.4f},{},{}\n",
                          point.point.ranks, point.n, point.m, point.point.strong, point.point.weak,
                          point.oversubscribed, point.finished, name, time.seconds, time.steps, time.work,
                          time.communication, time.imbalance, number(time.strong_efficiency),
                          number(time.weak_efficiency));
  return text;
}

std::string to_text(const ScaleReport& report) {
  constexpr double worth_a_line = 0.02;
  constexpr const char* row = "{:>6}{:>9}  {:<16}{:>10}{:>10}{:>10}{:>15}{:>11}\n";
  std::string text = fmt::format(fmt::runtime(row), "ranks", "n", "phase", "time", "strong", "weak",
                                 "communication", "imbalance");
  for (const MeasuredPoint& point : report.points) {
    if (point.failure)
      text += fmt::format("{:>6}{:>9}  failed with exit code {}: {}\n", point.point.ranks, point.n,
                          point.failure->exit_code, point.failure->message);
    for (const auto& [name, time] : point.phases) {
      if (time.seconds < worth_a_line * point.phases.at("total").seconds) continue;
      text += fmt::format(fmt::runtime(row), point.point.ranks, point.n,
                          name + (point.oversubscribed ? " (over)" : ""), readable_seconds(time.seconds),
                          percent(time.strong_efficiency), percent(time.weak_efficiency),
                          name == "total" ? "-" : percent(time.communication),
                          name == "total" ? "-" : percent(time.imbalance));
    }
  }
  for (const PhaseModel& model : report.models)
    text += fmt::format("model of {}: off by {:.1f} % (median), {:.1f} % at most{}\n", model.phase,
                        100 * model.median_error(false), 100 * model.largest_error(false),
                        model.has_held_out()
                            ? fmt::format("; on points held out {:.1f} %, {:.1f} %",
                                          100 * model.median_error(true), 100 * model.largest_error(true))
                            : "; " + model.remark);
  return text;
}

}  // namespace widegram::jobs
