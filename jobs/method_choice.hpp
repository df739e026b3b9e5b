#pragma once

#include <functional>
#include <string>

#include "jobs/pipeline.hpp"
#include "solvers/solver_seconds.hpp"
#include "src/base/index.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::jobs {

/// How a job's regression is solved: what solve.method = "auto" and the preconditioner's keys come to.
struct MethodChoice {
  Method method = Method::cholesky;  ///< never automatic
  std::string reason{};              ///< a clause
  /// Where Cholesky could do it, too: iterations that conjugate gradients may take before it does. 0: no
  /// limit but the job's.
  Index budget = 0;
};

/// Collective. By what the parts ask for, by size, and, where these leave
/// it open, by what the ways were measured to take on these ranks.
MethodChoice choose_method(const CommandContext& context, const Parts& parts, const gram::Layout& layout);

/// The same for n samples on other ranks than these. Local; asks for the seconds where nothing else decides.
MethodChoice choose_method(const Job& job, const Parts& parts, GlobalIndex n,
                           const std::function<solvers::SolverSeconds()>& seconds);

/// Iterations that block CG with the automatic preconditioner takes for a usual ridge: 50 to 120 were seen
/// for ridges of 1e-6 to 1e-3.
inline constexpr double usual_iterations = 100;
/// Columns of a product whose time is asked for: with fewer it hardly takes less.
inline constexpr Index usual_columns = 12;

/// The faster of Cholesky and conjugate gradients for n samples where they take these seconds: what
/// choose_method() decides by where nothing else does.
MethodChoice faster_method(const SolveSection& solve, GlobalIndex n, const solvers::SolverSeconds& seconds);

/// The job with what was chosen in the place of what it left open.
Job with_method(Job job, const MethodChoice& choice);

/// The preconditioner that conjugate gradients use: the job's keys, and in their place randomly pivoted
/// Cholesky to a rank of n / 20, at least 256 and at most 2,000, and less where what is left falls below the
/// ridge.
solvers::PreconditionerOptions preconditioner_options(const SolveSection& solve, GlobalIndex n);

/// The choice for people: "conjugate gradients, rpcholesky to rank 1000: an iteration takes ...".
std::string to_text(const MethodChoice& choice, const SolveSection& solve, GlobalIndex n);

}  // namespace widegram::jobs
