#include "jobs/ridge_selection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "solvers/hold_out.hpp"
#include "solvers/ridge_path.hpp"

namespace widegram::jobs {
namespace {

constexpr std::uint64_t hold_out_seed = 0;

/// A line of the path as people and programs read it: the chosen criterion's names and numbers.
struct Scores {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;
  std::size_t best = 0;
};

double number(const std::optional<double>& value) {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

Scores by_training_set(const dist::DistributedMatrix<double>& gram,
                       const dist::DistributedMatrix<double>& targets, std::span<const double> ridges,
                       Selection selection, const solvers::RidgePathOptions& options) {
  const solvers::RidgePath path = solvers::ridge_path(gram.copy(), targets, ridges, options);
  Scores scores{.names = {"ridge", "loo_mse", "loo_accuracy", "log_evidence", "effective_dimension"},
                .rows = {},
                .best = selection == Selection::loo ? solvers::best_by_loo(path.points)
                                                    : solvers::best_by_evidence(path.points)};
  for (const solvers::RidgePoint& point : path.points)
    scores.rows.push_back({point.ridge, point.loo_mse, number(point.loo_accuracy), point.log_evidence,
                           point.effective_dimension});
  return scores;
}

Scores by_hold_out(const dist::DistributedMatrix<double>& gram,
                   const dist::DistributedMatrix<double>& targets, std::span<const double> ridges,
                   double share, const solvers::HoldOutOptions& options) {
  const std::vector<solvers::HoldOutPoint> path = solvers::hold_out_path(
      gram, targets, ridges, solvers::split_random(gram.rows(), share, hold_out_seed), options);
  Scores scores{.names = {"ridge", "mse", "accuracy"}, .rows = {}, .best = solvers::best_by_hold_out(path)};
  for (const solvers::HoldOutPoint& point : path)
    scores.rows.push_back({point.ridge, point.mse, number(point.accuracy)});
  return scores;
}

Json to_json(const Scores& scores) {
  Json path = Json::array();
  for (const std::vector<double>& row : scores.rows) {
    Json point;
    for (std::size_t k = 0; k < row.size(); ++k)
      if (std::isfinite(row[k])) point[scores.names[k]] = row[k];
    path.push_back(point);
  }
  return path;
}

/// Where one at the end of the list was picked, better ones may lie beyond.
std::string edge_hint(const std::vector<double>& ridges, double best) {
  if (ridges.size() < 2) return {};
  const auto [least, most] = std::ranges::minmax(ridges);
  if (best == most) return ", the largest: one beyond may be better";
  if (best == least && least > 0) return ", the smallest: one below may be better";
  return {};
}

}  // namespace

double matrices_beside_the_gram(const SolveSection& solve) {
  if (solve.ridges.empty()) return solve.precision == SolvePrecision::mixed ? 0.5 : 0.0;
  const bool eigen =
      solvers::cheaper_ridge_method(std::ssize(solve.ridges), solve.selection != Selection::holdout) ==
      solvers::RidgeMethod::eigen;
  return eigen ? 4.0 : 1.0;
}

io::RidgeChoice choose_ridge(const CommandContext& context, const Problem& problem,
                             const dist::DistributedMatrix<double>& gram,
                             const dist::DistributedMatrix<double>& targets, double mean_diagonal,
                             Metrics& metrics) {
  const SolveSection& solve = context.job->solve;
  const Timer timer;
  std::vector<double> ridges;
  for (const double ridge : solve.ridges) ridges.push_back(ridge * mean_diagonal);
  std::optional<Phase> phase;
  const solvers::WorkObserver observer = [&](Index done, Index total) {
    if (!phase) phase.emplace(context.progress, "ridges", total, "ridges");
    phase->update(done);
    if (done == total) phase->finish();
  };
  const bool classes = problem.train.target_kind == io::TargetKind::classes;
  Scores scores =
      solve.selection == Selection::holdout
          ? by_hold_out(gram, targets, ridges, solve.holdout, {.classes = classes, .observer = observer})
          : by_training_set(gram, targets, ridges, solve.selection,
                            {.classes = classes, .observer = observer});
  std::vector<double> failed;
  for (std::size_t k = 0; k < scores.rows.size(); ++k) {
    scores.rows[k][0] = solve.ridges[k];  // as the job writes it
    if (std::isinf(scores.rows[k][1])) failed.push_back(solve.ridges[k]);
  }
  if (!failed.empty())
    context.progress.warn(fmt::format(
        "solve.ridges: {} left out: the Gram is not positive definite with so little; samples may repeat",
        fmt::join(failed, ", ")));
  io::RidgeChoice choice{.selection = to_string(solve.selection),
                         .best = solve.ridges[scores.best],
                         .names = scores.names,
                         .path = scores.rows};
  context.progress.note(fmt::format("ridge      {} picked from {} by {}{}", choice.best, scores.rows.size(),
                                    choice.selection, edge_hint(solve.ridges, choice.best)));
  metrics["solve"]["selection"] = choice.selection;
  metrics["solve"]["path"] = to_json(scores);
  metrics["solve"]["path_seconds"] = context.comm.max(timer.seconds());
  return choice;
}

}  // namespace widegram::jobs
