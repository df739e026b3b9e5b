#include "jobs/method_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/units.hpp"
#include "src/dist/process_grid.hpp"

namespace widegram::jobs {
namespace {

/// With fewer samples Cholesky takes a second or two on one core, and there is nothing to gain.
constexpr GlobalIndex few_samples = 6000;
/// CG is tried where the usual iterations take this share of Cholesky's time; as they may turn out not to
/// do, the gain must be worth the risk.
constexpr double worthwhile = 0.5;

/// Landmark columns against each other, 3 n rank^2 flops at Cholesky's rate.
double landmark_seconds(double factor_seconds, double n, double rank) {
  return factor_seconds * 9.0 * rank * rank / (n * n);
}

}  // namespace

solvers::PreconditionerOptions preconditioner_options(const SolveSection& solve, GlobalIndex n) {
  solvers::PreconditionerOptions options{
      .kind = solve.preconditioner.value_or(solvers::PreconditionerKind::rpcholesky)};
  if (solve.preconditioner_rank) {
    options.rank = *solve.preconditioner_rank;
  } else {
    options.rank = std::clamp<Index>(n / 20, 256, 2000);
    options.tail = 1.0;
  }
  return options;
}

MethodChoice choose_method(const CommandContext& context, const Parts& parts, const gram::Layout& layout) {
  return choose_method(*context.job, parts, layout.n, [&] {
    const dist::ProcessGrid grid = dist::ProcessGrid::square(context.comm);
    return solvers::measure_solver_seconds(grid, layout.n, layout.block, usual_columns);
  });
}

MethodChoice choose_method(const Job& job, const Parts& parts, GlobalIndex n,
                           const std::function<solvers::SolverSeconds()>& seconds) {
  const SolveSection& solve = job.solve;
  if (job.gram.mode != GramMode::stored) return {Method::cg, "the Gram is not in memory"};
  if (solve.method != Method::automatic) return {solve.method, "solve.method", solve.budget};
  if (!solve.ridges.empty()) return {Method::cholesky, "ridges are scored with factors"};
  if (wants_variance(job, parts)) return {Method::cholesky, "variances take one solve a test sample"};
  if (solve.evidence) return {Method::cholesky, "a factor gives the evidence exactly"};
  if (solve.precision == SolvePrecision::mixed)
    return {Method::cholesky, "precision = \"mixed\" is Cholesky's"};
  if (n < few_samples) return {Method::cholesky, fmt::format("{} samples are few", n)};
  return faster_method(solve, n, seconds());
}

MethodChoice faster_method(const SolveSection& solve, GlobalIndex n, const solvers::SolverSeconds& seconds) {
  const solvers::PreconditionerOptions preconditioner = preconditioner_options(solve, n);
  const double landmarks = preconditioner.kind == solvers::PreconditionerKind::none
                               ? 0.0
                               : landmark_seconds(seconds.factor, static_cast<double>(n),
                                                  static_cast<double>(preconditioner.rank));
  const std::string measured =
      fmt::format("Cholesky would take about {}, an iteration {} (measured here)",
                  readable_seconds(seconds.factor), readable_seconds(seconds.product));
  if (landmarks + usual_iterations * seconds.product > worthwhile * seconds.factor)
    return {Method::cholesky, measured};
  const double iterations = (seconds.factor - landmarks) / seconds.product;
  return {Method::cg, measured, std::min(solve.max_iterations, static_cast<Index>(iterations))};
}

Job with_method(Job job, const MethodChoice& choice) {
  job.solve.method = choice.method;
  job.solve.budget = choice.budget;
  return job;
}

std::string to_text(const MethodChoice& choice, const SolveSection& solve, GlobalIndex n) {
  if (choice.method == Method::cholesky) return "Cholesky: " + choice.reason;
  const solvers::PreconditionerOptions preconditioner = preconditioner_options(solve, n);
  const std::string with = preconditioner.kind == solvers::PreconditionerKind::none
                               ? "without preconditioner"
                               : fmt::format("{} to rank {}", solvers::name_of(preconditioner.kind),
                                             std::min<Index>(preconditioner.rank, n));
  return fmt::format(
      "conjugate gradients, {}: {}{}", with, choice.reason,
      choice.budget > 0 ? fmt::format("; Cholesky takes over after {} iterations", choice.budget) : "");
}

}  // namespace widegram::jobs
