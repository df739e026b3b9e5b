#include "jobs/gram_inverse.hpp"

#include <algorithm>
#include <utility>

#include "io/gram_file_operator.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/solve_progress.hpp"
#include "src/dist/stored_operator.hpp"

namespace widegram::jobs {

bool factors_gram(const Job& job) {
  return job.gram.mode == GramMode::stored && job.solve.method != Method::cg;
}

void factor_gram(const CommandContext& context, GramInverse& train, double ridge, const std::string& title) {
  SolveProgress progress(context.progress, title, "flops");
  const std::unique_ptr<dist::DistributedMatrix<double>> matrix = std::exchange(train.matrix, nullptr);
  train.factor = std::make_unique<solvers::Cholesky>(std::move(*matrix), ridge, progress.observer());
}

void prepare_cg(const CommandContext& context, GramInverse& train, double ridge) {
  const SolveSection& solve = context.job->solve;
  if (train.matrix) train.gram = std::make_unique<dist::StoredOperator>(*train.matrix);
  train.cg = std::make_unique<solvers::CgSolver>(
      *train.gram, ridge,
      solvers::CgOptions{.tolerance = solve.tolerance,
                         .max_iterations = solve.budget > 0 ? solve.budget : solve.max_iterations,
                         .preconditioner = preconditioner_options(solve, train.gram->size())});
}

double cg_bytes(const Job& job, const gram::Layout& layout) {
  constexpr double width = 24;  // of a block of vectors; what targets and answers are on every rank among it
  const solvers::PreconditionerOptions preconditioner = preconditioner_options(job.solve, layout.n);
  const double rank = preconditioner.kind == solvers::PreconditionerKind::none
                          ? 0.0
                          : static_cast<double>(std::min<Index>(preconditioner.rank, layout.n));
  const double n = static_cast<double>(layout.n);
  return sizeof(double) * ((2.0 * n * rank + 8.0 * n * width) / layout.grid.size() + 2.0 * n * width);
}

void write_traffic(const CommandContext& context, const GramInverse& train, Metrics& metrics) {
  const auto* file = dynamic_cast<const io::GramFileOperator*>(train.gram.get());
  if (file == nullptr) return;
  const io::GramFileOperator::Traffic& traffic = file->traffic();
  Json& section = metrics["out_of_core"];
  section["bytes_read"] = context.comm.sum(traffic.bytes);
  section["bytes_per_second"] = context.comm.sum(traffic.bytes / std::max(traffic.seconds, 1e-9));
  section["read_wait_seconds"] = context.comm.max(traffic.waited);
}

}  // namespace widegram::jobs
