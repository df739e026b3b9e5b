#include "jobs/scale_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "src/base/median.hpp"
#include "src/base/nonnegative_fit.hpp"
#include "src/base/numbers.hpp"

namespace widegram::jobs {
namespace {

struct Quantity {
  std::string name;
  double value;
};

/// What the seconds of a step of a phase consist of.
std::vector<Quantity> quantities(const std::string& phase, const MeasuredPoint& point) {
  const auto n = static_cast<double>(point.n);
  const auto m = static_cast<double>(point.m);
  const auto ranks = static_cast<double>(point.point.ranks);
  const double root = std::sqrt(ranks);
  const double several = ranks > 1 ? 1 : 0;
  const double work = point.phases.at(phase).work;
  const double rank = point.preconditioner_rank;
  const Quantity constant{"1", 1};
  if (phase == "assembly")
    return {{"entries / ranks", work / ranks},
            {"n / sqrt(ranks): samples prepared", n / root},
            {"n^2 / ranks: mirrored, with several ranks", several * n * n / ranks},
            constant};
  if (phase == "factorisation")
    return {{"n^3 / ranks", n * n * n / ranks},
            {"n^2 / sqrt(ranks)", n * n / root},
            {"n log2(2 ranks)", n * std::log2(2 * ranks)},
            constant};
  if (phase == "preconditioner")
    return {{"n rank^2 / ranks", n * rank * rank / ranks},
            {"n rank / ranks", n * rank / ranks},
            {"rank", rank},
            constant};
  if (phase == "cg")
    return {{"n^2 / ranks", n * n / ranks},
            {"n rank / ranks", n * rank / ranks},
            {"n / sqrt(ranks)", n / root},
            constant};
  if (phase == "substitution")
    return {{"n^2 / ranks", n * n / ranks},
            {"n^2 / sqrt(ranks)", n * n / root},
            {"n log2(2 ranks)", n * std::log2(2 * ranks)},
            constant};
  if (phase == "dkm" || phase == "selection" || phase == "evidence" || phase == "spectrum" ||
      phase == "dynamics")
    return {{"n^3 / ranks", n * n * n / ranks},
            {"n^2 / ranks", n * n / ranks},
            {"n^2 / sqrt(ranks)", n * n / root},
            constant};
  if (phase == "predict") return {{"entries / ranks", work / ranks}, {"n + m", n + m}, constant};
  if (phase == "writing") return {{"entries", work}, {"entries / ranks", work / ranks}, constant};
  if (phase == "other")
    return {{"n^2 / ranks: memory taken and given back", n * n / ranks}, {"n + m", n + m}, constant};
  return {{"n + m", n + m}, {"(n + m) / ranks", (n + m) / ranks}, constant};
}

using Points = std::vector<const MeasuredPoint*>;

/// Those to test on, and why none where there are none.
std::set<const MeasuredPoint*> held_out(const Points& points, const std::string& hold_out,
                                        std::string& remark) {
  std::set<const MeasuredPoint*> held;
  if (const std::optional<double> share = parse_number(hold_out)) {
    const auto stride = static_cast<std::size_t>(std::max(2.0, std::round(1 / *share)));
    for (std::size_t k = stride - 1; k < points.size(); k += stride) held.insert(points[k]);
    if (held.empty()) remark = "too few points to hold some out";
    return held;
  }
  std::set<Index> sizes;
  for (const MeasuredPoint* point : points) sizes.insert(point->n);
  constexpr std::size_t enough = 3;
  if (sizes.size() < enough) {
    remark = "fewer than three sizes: the largest was not held out";
    return held;
  }
  for (const MeasuredPoint* point : points)
    if (point->n == *sizes.rbegin()) held.insert(point);
  return held;
}

PhaseModel fit_phase(const std::string& phase, const Points& points, const std::string& hold_out) {
  PhaseModel model{.phase = phase, .terms = {}, .residuals = {}, .remark = {}};
  const std::set<const MeasuredPoint*> held = held_out(points, hold_out, model.remark);
  for (const Quantity& quantity : quantities(phase, *points.front())) model.terms.push_back({quantity.name});
  const auto columns = std::ssize(model.terms);
  // Each row over its seconds: a second too much weighs as it counts for the point.
  Matrix<double> a(std::ssize(points) - std::ssize(held), columns);
  const std::vector<double> ones(static_cast<std::size_t>(a.rows()), 1.0);
  Index row = 0;
  for (const MeasuredPoint* point : points) {
    if (held.contains(point)) continue;
    const std::vector<Quantity> terms = quantities(phase, *point);
    for (Index j = 0; j < columns; ++j)
      a(row, j) = terms[static_cast<std::size_t>(j)].value / point->phases.at(phase).step_seconds();
    ++row;
  }
  const std::vector<double> coefficients = nonnegative_fit(a, ones);
  for (std::size_t j = 0; j < coefficients.size(); ++j) model.terms[j].coefficient = coefficients[j];
  for (const MeasuredPoint* point : points) {
    Residual residual{.point = point->point.folder(),
                      .measured = point->phases.at(phase).step_seconds(),
                      .predicted = 0,
                      .held_out = held.contains(point)};
    const std::vector<Quantity> terms = quantities(phase, *point);
    for (std::size_t j = 0; j < terms.size(); ++j) residual.predicted += coefficients[j] * terms[j].value;
    model.residuals.push_back(residual);
  }
  return model;
}

std::vector<double> errors(const PhaseModel& model, bool held_out) {
  std::vector<double> all;
  for (const Residual& residual : model.residuals)
    if (residual.held_out == held_out) all.push_back(std::abs(residual.error()));
  return all;
}

/// The points with what is none of their phases (starting up, making files, agreeing) as one more, "other".
std::vector<MeasuredPoint> with_other(std::vector<MeasuredPoint> points) {
  for (MeasuredPoint& point : points) {
    const auto total = point.phases.find("total");
    if (total == point.phases.end()) continue;
    double other = total->second.seconds;
    for (const auto& [phase, time] : point.phases) other -= phase == "total" ? 0.0 : time.seconds;
    if (other > 0) point.phases["other"].seconds = other;
  }
  return points;
}

/// The whole time of the points that all models together say something of.
PhaseModel add_up(const Points& points, const std::vector<PhaseModel>& models) {
  PhaseModel total{.phase = "total", .terms = {}, .residuals = {}, .remark = "the sum of the models"};
  for (const MeasuredPoint* point : points) {
    Residual residual{.point = point->point.folder(), .measured = point->phases.at("total").seconds};
    for (const PhaseModel& model : models) {
      const auto own = std::ranges::find(model.residuals, residual.point, &Residual::point);
      if (own == model.residuals.end()) continue;
      residual.predicted += own->predicted * point->phases.at(model.phase).steps;
      residual.held_out = residual.held_out || own->held_out;
    }
    total.residuals.push_back(residual);
  }
  return total;
}

}  // namespace

double PhaseModel::median_error(bool held_out) const {
  const std::vector<double> all = errors(*this, held_out);
  return all.empty() ? 0.0 : median(all);
}

double PhaseModel::largest_error(bool held_out) const {
  const std::vector<double> all = errors(*this, held_out);
  return all.empty() ? 0.0 : *std::ranges::max_element(all);
}

bool PhaseModel::has_held_out() const {
  return std::ranges::any_of(residuals, [](const Residual& residual) { return residual.held_out; });
}

std::vector<PhaseModel> fit_models(const std::vector<MeasuredPoint>& measured, const std::string& hold_out) {
  const std::vector<MeasuredPoint> points = with_other(measured);
  std::map<std::string, Points> by_phase;
  for (const MeasuredPoint& point : points)
    for (const auto& [phase, time] : point.phases)
      if (point.counts() && time.seconds > 0) by_phase[phase].push_back(&point);
  std::vector<PhaseModel> models;
  for (const auto& [phase, list] : by_phase)
    if (list.size() > 1 && phase != "total") models.push_back(fit_phase(phase, list, hold_out));
  if (models.size() > 1 && by_phase["total"].size() > 1) models.push_back(add_up(by_phase["total"], models));
  return models;
}

}  // namespace widegram::jobs
