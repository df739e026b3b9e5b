#include "jobs/spectrum_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "io/encoding.hpp"
#include "jobs/output_folder.hpp"
#include "solvers/block_algebra.hpp"
#include "solvers/eigen.hpp"
#include "solvers/largest_eigenpairs.hpp"
#include "solvers/spectrum.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {
namespace {

/// Ranks that power laws are fitted to where the job names none: those of the whole spectrum, as far as it is
/// known.
Range fit_range(const SpectrumSection& section, Index n, Index known) {
  if (!section.fit.empty()) return {section.fit.front(), section.fit.back() + 1};
  const Range whole = solvers::default_fit_range(n);
  const Index end = std::min(whole.end, known + 1);
  return {std::min(whole.begin, std::max<Index>(1, end / 3)), end};
}

io::PowerLawFit fitted(std::span<const double> values, Range ranks) {
  const solvers::PowerLaw law = solvers::fit_power_law(values, ranks);
  return {law.exponent, law.standard_error, law.scale, law.ranks.begin, law.ranks.end - 1};
}

/// Relative to the mean diagonal.
std::vector<double> ridges_of(const Job& job, double mean_diagonal) {
  if (!job.spectrum.ridges.empty()) return job.spectrum.ridges;
  if (!job.solve.ridges.empty()) return job.solve.ridges;
  if (job.solve.ridge_absolute) return {*job.solve.ridge_absolute / mean_diagonal};
  return {job.solve.ridge};
}

io::Spectrum begin_spectrum(const Job& job, const Problem& problem, const char* method,
                            double mean_diagonal) {
  return {.header = problem.model,
          .n = problem.n(),
          .method = method,
          .mean_diagonal = mean_diagonal,
          .ridges = ridges_of(job, mean_diagonal)};
}

std::vector<double> absolute_ridges(const io::Spectrum& spectrum) {
  std::vector<double> plain = spectrum.ridges;
  for (double& ridge : plain) ridge *= spectrum.mean_diagonal;
  return plain;
}

/// What both ways have in common, once eigenvalues and target powers are there.
void finish(const CommandContext& context, io::Spectrum& spectrum, const Timer& timer,
            const std::optional<io::EigenvectorRows>& vectors, Metrics& metrics) {
  const Index known = std::ssize(spectrum.eigenvalues);
  const Range ranks = fit_range(context.job->spectrum, spectrum.n, known);
  spectrum.eigenvalue_fit = fitted(spectrum.eigenvalues, ranks);
  spectrum.target_power_fit = fitted(spectrum.target_power, ranks);
  io::write_spectrum(context.comm, spectrum_path(*context.job), spectrum, vectors);

  Json& section = metrics["spectrum"];
  section["method"] = spectrum.method;
  section["eigenvalues"] = known;
  section["seconds"] = context.comm.max(timer.seconds());
  section["mean_diagonal"] = spectrum.mean_diagonal;
  section["largest"] = spectrum.eigenvalues.front();
  section["smallest"] = spectrum.eigenvalues.back();
  if (spectrum.condition_number) section["condition_number"] = *spectrum.condition_number;
  const auto fit = [&](const char* name, const io::PowerLawFit& law) {
    section[name] = {
        {"exponent", law.exponent}, {"standard_error", law.standard_error}, {"ranks", {law.first, law.last}}};
  };
  fit("eigenvalue_fit", spectrum.eigenvalue_fit);
  fit("target_power_fit", spectrum.target_power_fit);
  Json& dimensions = section["effective_dimension"] = Json::array();
  for (std::size_t i = 0; i < spectrum.ridges.size(); ++i) {
    dimensions.push_back({{"ridge", spectrum.ridges[i]}, {"value", spectrum.effective_dimension[i]}});
    if (!spectrum.effective_dimension_upper.empty())
      dimensions.back()["upper"] = spectrum.effective_dimension_upper[i];
  }
}

/// This rank's rows of the job's targets, which every rank brings its own samples of.
Matrix<double> target_rows(const CommandContext& context, const Problem& problem, Range part) {
  const Matrix<double> local = io::encode(problem.train, context.job->data.encoding);
  std::vector<GlobalIndex> wanted(static_cast<std::size_t>(part.size()));
  std::iota(wanted.begin(), wanted.end(), part.begin);
  return solvers::transposed(
      dist::fetch_columns<double>(context.comm, local.view(), problem.train.partition, wanted));
}

double sum_of_squares(const mpi::Communicator& comm, const Matrix<double>& part) {
  return comm.sum(std::inner_product(part.data(), part.data() + part.rows() * part.cols(), part.data(), 0.0));
}

/// V^T Y on every rank, smallest eigenvalue first.
Matrix<double> projected(const mpi::Communicator& comm, const Matrix<double>& vectors,
                         const Matrix<double>& targets) {
  Matrix<double> largest_first = solvers::inner_products(vectors.view(), targets.view());
  const Index count = largest_first.rows() * largest_first.cols();
  comm.all_reduce(std::span<double>(largest_first.data(), static_cast<std::size_t>(count)), MPI_SUM);
  for (Index k = 0; k < largest_first.cols(); ++k)
    std::reverse(largest_first.column(k), largest_first.column(k) + largest_first.rows());
  return largest_first;
}

void all_eigenvalues(const CommandContext& context, const Problem& problem,
                     dist::DistributedMatrix<double> gram, Metrics& metrics) {
  const Timer timer;
  io::Spectrum spectrum =
      begin_spectrum(*context.job, problem, "eigendecomposition", dist::mean_diagonal(gram));
  const Matrix<double> local = io::encode(problem.train, context.job->data.encoding);
  const auto targets =
      dist::to_block_cyclic<double>(gram.grid(), local.view(), problem.train.partition, gram.block());
  Phase phase(context.progress, "spectrum", problem.n(), "eigenvalues");
  const solvers::Eigendecomposition eigen = solvers::eigendecompose(std::move(gram));
  phase.finish();
  spectrum.condition_number = solvers::condition_number(eigen.values);
  spectrum.effective_dimension = solvers::effective_dimensions(eigen.values, absolute_ridges(spectrum));
  spectrum.target_power = solvers::target_powers(solvers::project(eigen, targets).view());
  spectrum.cumulative_power = solvers::cumulative_shares(spectrum.target_power);
  spectrum.eigenvalues.assign(eigen.values.rbegin(), eigen.values.rend());
  finish(context, spectrum, timer, {}, metrics);
}

void largest_eigenvalues(const CommandContext& context, const Problem& problem,
                         const dist::LinearOperator& gram, Metrics& metrics) {
  const Timer timer;
  const mpi::Communicator& comm = context.comm;
  io::Spectrum spectrum = begin_spectrum(*context.job, problem, "lanczos", dist::mean_diagonal(gram));
  const double trace = spectrum.mean_diagonal * static_cast<double>(problem.n());
  const Matrix<double> targets = target_rows(context, problem, gram.part());

  Phase phase(context.progress, "spectrum", context.job->spectrum.largest, "eigenvalues");
  solvers::LargestEigenpairs pairs = solvers::largest_eigenpairs(
      gram, {.count = context.job->spectrum.largest,
             .check_stop =
                 [&] { mpi::stop_if_wanted(comm, context.stop, "the Gram is there, its spectrum is not"); },
             .observer = [&](Index done, Index) { phase.update(done); }});
  phase.finish();
  for (const auto& bounds :
       solvers::effective_dimension_bounds(pairs.values, trace, problem.n(), absolute_ridges(spectrum))) {
    spectrum.effective_dimension.push_back(bounds.least);
    spectrum.effective_dimension_upper.push_back(bounds.most);
  }
  spectrum.target_power = solvers::target_powers(projected(comm, pairs.vectors, targets).view());
  spectrum.cumulative_power = solvers::cumulative_shares(spectrum.target_power);
  const double whole = sum_of_squares(comm, targets);
  const double seen = std::accumulate(spectrum.target_power.begin(), spectrum.target_power.end(), 0.0);
  for (double& share : spectrum.cumulative_power) share *= whole > 0 ? seen / whole : 0.0;
  spectrum.eigenvalues = std::move(pairs.values);
  spectrum.residuals = std::move(pairs.residuals);
  metrics["spectrum"]["products"] = pairs.products;
  finish(context, spectrum, timer, io::EigenvectorRows{gram.part().begin, pairs.vectors.view()}, metrics);
}

std::string law_text(const io::PowerLawFit& law) {
  if (law.exponent == 0 && law.scale == 0) return "too few values above zero for a power law";
  return fmt::format("rank^{:.3g} (exponent +- {:.1g}; ranks {} to {})", -law.exponent, law.standard_error,
                     law.first, law.last);
}

/// 1, 2, 5, 10, 20, ... and the last.
std::vector<Index> shown_ranks(Index count) {
  std::vector<Index> ranks;
  for (Index decade = 1; decade <= count; decade *= 10)
    for (const Index digit : {1, 2, 5})
      if (digit * decade < count) ranks.push_back(digit * decade);
  ranks.push_back(count);
  return ranks;
}

}  // namespace

void check_spectrum(const Job& job, GlobalIndex n) {
  const SpectrumSection& section = job.spectrum;
  const auto refuse = [](const std::string& message) {
    throw mpi::CollectiveError(ExitCode::usage, message);
  };
  if (section.largest == 0 && job.gram.mode != GramMode::stored)
    refuse(
        "all eigenvalues need the Gram in memory: take gram.mode = \"stored\", or name a number of them in "
        "spectrum.largest");
  if (section.largest > n)
    refuse(
        fmt::format("spectrum.largest = {} is more than the {} training samples: take at most that, or 0 for "
                    "all eigenvalues",
                    section.largest, n));
  const Index known = section.largest > 0 ? section.largest : n;
  if (!section.fit.empty() && section.fit.back() > known)
    refuse(fmt::format("spectrum.fit = [{}, {}] ends beyond the {} eigenvalues", section.fit.front(),
                       section.fit.back(), known));
}

Index spectrum_entry_bytes(const Job& job, GlobalIndex n) {
  if (job.gram.mode != GramMode::stored) return 0;
  constexpr double with_decomposition = 4.0;  // see solvers::eigendecompose()
  const Index count = job.spectrum.largest;
  const double basis =
      static_cast<double>(solvers::largest_eigenpairs_basis(count, n)) / static_cast<double>(n);
  // The basis, and Ritz vectors on the way into it and into the file.
  return static_cast<Index>(sizeof(double) * (count == 0 ? with_decomposition : 1.0 + 2.0 * basis));
}

std::string spectrum_path(const Job& job) { return in_output(job, "spectrum.h5"); }

void spectrum_stage(const CommandContext& context, const Problem& problem,
                    dist::DistributedMatrix<double> gram, Metrics& metrics) {
  if (context.job->spectrum.largest > 0)
    largest_eigenvalues(context, problem, dist::StoredOperator(gram), metrics);
  else
    all_eigenvalues(context, problem, std::move(gram), metrics);
}

void spectrum_stage(const CommandContext& context, const Problem& problem, const dist::LinearOperator& gram,
                    Metrics& metrics) {
  largest_eigenvalues(context, problem, gram, metrics);
}

std::string to_text(const io::Spectrum& spectrum) {
  const Index known = std::ssize(spectrum.eigenvalues);
  std::string text =
      fmt::format("{} eigenvalues of the {} Gram of {} samples, whose mean diagonal is {:.6g}\n",
                  known == spectrum.n ? "all" : fmt::format("the {} largest", known),
                  spectrum.header.function, spectrum.n, spectrum.mean_diagonal);
  if (spectrum.condition_number)
    text += fmt::format("  {:<20}{:.4g}\n", "condition number", *spectrum.condition_number);
  text += fmt::format("  {:<20}{}\n", "eigenvalues", law_text(spectrum.eigenvalue_fit));
  text += fmt::format("  {:<20}{}\n", "target power", law_text(spectrum.target_power_fit));
  text +=
      fmt::format("\n  {:>8}{:>16}{:>16}{:>22}\n", "rank", "eigenvalue", "target power", "power so far, %");
  for (const Index rank : shown_ranks(known)) {
    const auto i = static_cast<std::size_t>(rank - 1);
    text += fmt::format("  {:>8}{:>16.6g}{:>16.4g}{:>22.3f}\n", rank, spectrum.eigenvalues[i],
                        spectrum.target_power[i], 100 * spectrum.cumulative_power[i]);
  }
  text += fmt::format("\n  {:>8}{:>22}\n", "ridge", "effective dimension");
  for (std::size_t i = 0; i < spectrum.ridges.size(); ++i)
    text += fmt::format("  {:>8.3g}{:>22}\n", spectrum.ridges[i],
                        spectrum.effective_dimension_upper.empty()
                            ? fmt::format("{:.2f}", spectrum.effective_dimension[i])
                            : fmt::format("{:.2f} to {:.2f}", spectrum.effective_dimension[i],
                                          spectrum.effective_dimension_upper[i]));
  return text;
}

}  // namespace widegram::jobs
