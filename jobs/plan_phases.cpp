#include "jobs/plan_phases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "jobs/dkm_plan.hpp"
#include "jobs/gram_inverse.hpp"
#include "jobs/pipeline.hpp"

namespace widegram::jobs {
namespace {

constexpr Parts main_job{.gram = true, .solve = true, .predict = true};
/// Ranks of one node talk through its memory: a message is written, read, and written once more.
constexpr double memory_passes_a_message = 3;
constexpr double memory_latency = 5e-7;
/// Of a node's memory; the rest is the system's.
constexpr double usable = 0.9;

/// The phases' arithmetic for one number of ranks.
class Estimate {
 public:
  Estimate(const PlanSubject& subject, Index nodes, Index ranks_a_node, const gram::Layout& layout)
      : subject_(subject),
        node_(subject.node),
        nodes_(static_cast<double>(nodes)),
        ranks_(static_cast<double>(nodes * ranks_a_node)),
        layout_(layout),
        n_(static_cast<double>(layout.n)) {
    const auto a_node = static_cast<double>(ranks_a_node);
    bandwidth_ =
        1e9 * (nodes == 1 ? node_.memory_gb_s / memory_passes_a_message : node_.network_gb_s) / a_node;
    latency_ = nodes == 1 ? memory_latency : 1e-6 * node_.network_latency_us;
    memory_ = 1e9 * node_.memory_gb_s / a_node;
    first_touch_ = 1e9 * node_.first_touch_gb_s;
    files_ = 1e9 * std::min(node_.file_gb_s, nodes_ * node_.network_gb_s);
    held_ = static_cast<double>(dist::most_local_entries(layout.grid, layout.n, layout.n, layout.block));
  }

  double sending(double bytes, double messages) const {
    return ranks_ > 1 ? bytes / bandwidth_ + messages * latency_ : 0.0;
  }

  /// n^3 / 3 flops of a factorisation like Cholesky's on the rank that holds most.
  PhaseCost factorisation(double gflops) const {
    const double rows = n_ / std::sqrt(ranks_);
    const double rate = 1e9 * gflops * rows / (rows + static_cast<double>(node_.half_rate_rows));
    return {.name = "factorisation",
            .computing = n_ * held_ / 3 / rate,
            .communication = sending(8 * (2 + std::log2(ranks_) / 2) * n_ * n_ / std::sqrt(ranks_),
                                     (4 + std::log2(ranks_)) * n_ / static_cast<double>(layout_.block))};
  }

  /// One product of the Gram in memory with the usual number of columns.
  PhaseCost product() const {
    const double columns = usual_columns;
    return {.name = "cg",
            .computing = std::max(8 * held_ / memory_, 2 * held_ * columns / (1e9 * node_.dgemm_gflops)),
            .communication = sending(2 * 8 * n_ * columns / std::sqrt(ranks_), 4 * std::log2(2 * ranks_))};
  }

  solvers::SolverSeconds solver_seconds() const {
    return {.factor = factorisation(node_.dgemm_gflops).seconds(), .product = product().seconds()};
  }

  PhaseCost reading() const {
    const auto features = static_cast<double>(subject_.outline.shape.features());
    const auto samples = static_cast<double>(subject_.outline.train_samples + subject_.outline.test_samples);
    return {.name = "reading", .files = sizeof(float) * samples * features / files_};
  }

  PhaseCost assembly(const gram::Plan& plan) const {
    gram::Plan training = plan;
    training.test_work = {};
    const double matrix = held_ * static_cast<double>(plan.solver.matrix_entry);
    const double mirrored = matrix / 2;
    // Inputs are converted, sent and laid out anew: three copies of them, all in fresh memory like the
    // matrix.
    const double fresh = matrix + 3 * plan.bytes.prepared;
    return {.name = "assembly",
            .computing =
                gram::assembly_seconds(training, subject_.tiles) / node_.entry_rate + fresh / first_touch_,
            .communication = sending(plan.bytes.inputs, std::log2(2 * ranks_)) +
                             sending(mirrored, n_ / static_cast<double>(layout_.block))};
  }

  PhaseCost writing(const gram::Plan& plan) const {
    const bool writes = subject_.job.gram.mode != GramMode::recompute;
    return {.name = "writing", .files = writes ? file_bytes(plan) / files_ : 0.0};
  }

  static double file_bytes(const gram::Plan& plan) {
    return plan.file_bytes * static_cast<double>(plan.kernel.grams);
  }

  std::vector<PhaseCost> solving(const gram::Plan& plan, const Job& job) const {
    if (factors_gram(job)) {
      const bool mixed = job.solve.precision == SolvePrecision::mixed;
      PhaseCost factor = factorisation(mixed ? node_.sgemm_gflops : node_.dgemm_gflops);
      const double times = 1 + static_cast<double>(job.solve.ridges.size());
      factor.computing *= times;
      factor.communication *= times;
      return {factor};
    }
    return by_cg(plan, job);
  }

  PhaseCost predicting(const gram::Plan& plan) const {
    gram::Plan tests = plan;
    tests.train_work = {};
    tests.samples = 0;
    const auto m = static_cast<double>(subject_.outline.test_samples);
    const double substitution =
        wants_variance(subject_.job, main_job) ? m * n_ * n_ / (1e9 * node_.dgemm_gflops * ranks_) : 0.0;
    return {.name = "predict",
            .computing = gram::assembly_seconds(tests, subject_.tiles) / node_.entry_rate + substitution,
            .communication = sending(8 * m * usual_columns, 2 * std::log2(2 * ranks_))};
  }

  PhaseCost dkm(const DkmPlan& plan) const {
    const auto steps = static_cast<double>(subject_.job.dkm.max_iterations);
    // An evaluation is some products and factorisations a layer, in the messages of four factorisations.
    const PhaseCost one = factorisation(node_.dgemm_gflops);
    return {.name = "dkm",
            .computing = plan.factorisations() * one.computing * steps,
            .communication = 4 * static_cast<double>(plan.layers) * one.communication * steps,
            .steps = steps};
  }

 private:
  std::vector<PhaseCost> by_cg(const gram::Plan& plan, const Job& job) const {
    const solvers::PreconditionerOptions options = preconditioner_options(job.solve, layout_.n);
    const double rank = options.kind == solvers::PreconditionerKind::none
                            ? 0.0
                            : static_cast<double>(std::min<Index>(options.rank, layout_.n));
    const double flops = 1e9 * node_.dgemm_gflops * ranks_;
    const PhaseCost preconditioner{
        .name = "preconditioner",
        .computing = 3 * n_ * rank * rank / flops,
        .communication = sending(8 * rank * rank, rank / 64 * std::log2(2 * ranks_))};
    PhaseCost cg = product();
    if (job.gram.mode == GramMode::recompute) cg.computing = assembly(plan).computing;
    if (job.gram.mode == GramMode::out_of_core) cg.files = plan.file_bytes / files_;
    cg.computing += 4 * n_ * rank * usual_columns / flops;
    for (double* part : {&cg.computing, &cg.communication, &cg.files}) *part *= usual_iterations;
    cg.steps = usual_iterations;
    return {preconditioner, cg};
  }

  const PlanSubject& subject_;
  const Node& node_;
  double nodes_;
  double ranks_;
  const gram::Layout& layout_;
  double n_;
  double held_ = 0;  ///< entries of the matrix on the rank that holds most
  double bandwidth_ = 0;
  double latency_ = 0;
  double memory_ = 0;
  double first_touch_ = 0;
  double files_ = 0;
};

void plan_main_job(const PlanSubject& subject, const Estimate& estimate, PlanPoint& point) {
  const Job& job = subject.job;
  const MethodChoice choice =
      choose_method(job, main_job, point.layout.n, [&] { return estimate.solver_seconds(); });
  const Job chosen = with_method(job, choice);
  const gram::Plan plan = gram::make_plan(point.layout, subject.outline.test_samples, *subject.kernel,
                                          solver_bytes(chosen, main_job, subject.outline));
  point.method = choice.method == Method::cg ? "cg" : "cholesky";
  point.imbalance = plan.imbalance;
  point.memory = plan.bytes;
  point.phases.push_back(estimate.assembly(plan));
  if (job.gram.mode != GramMode::recompute) {
    point.phases.push_back(estimate.writing(plan));
    point.file_bytes = Estimate::file_bytes(plan);
    point.file_size = plan.file_size * static_cast<double>(plan.kernel.grams);
  }
  for (PhaseCost& phase : estimate.solving(plan, chosen)) point.phases.push_back(std::move(phase));
  if (subject.outline.test_samples > 0) point.phases.push_back(estimate.predicting(plan));
}

void plan_dkm(const PlanSubject& subject, const Estimate& estimate, PlanPoint& point) {
  const DkmPlan plan = make_dkm_plan(subject.job.dkm, subject.outline.train_samples,
                                     subject.outline.shape.features(), point.layout.grid);
  point.other_memory = plan.bytes;
  point.file_bytes = point.file_size = plan.file_bytes;
  point.phases.push_back(estimate.dkm(plan));
}

std::string why_refused(const PlanPoint& point, bool whole_matrix) {
  const gram::Layout& layout = point.layout;
  const Index held = dist::most_local_entries(layout.grid, layout.n, layout.n, layout.block);
  if (point.memory_bytes() > point.allowed_memory)
    return fmt::format("a rank may use {}", readable_bytes(point.allowed_memory));
  if (whole_matrix && held > dist::most_entries_a_rank)
    return fmt::format("a rank would hold {} entries of a matrix, and ScaLAPACK can address 2^31 - 1",
                       readable_count(static_cast<double>(held)));
  return {};
}

PlanPoint plan_ranks(const PlanSubject& subject, Index nodes, Index ranks_a_node) {
  PlanPoint point;
  point.nodes = nodes;
  point.ranks = nodes * ranks_a_node;
  const int ranks = to_int(point.ranks, "ranks");
  const GlobalIndex n = subject.outline.train_samples;
  point.layout = subject.kernel ? gram::choose_layout(n, subject.job.gram.tile, ranks)
                                : gram::Layout{.n = n, .grid = dist::GridShape::square(ranks)};
  const Estimate estimate(subject, nodes, ranks_a_node, point.layout);
  point.phases.push_back(estimate.reading());
  if (subject.kernel)
    plan_main_job(subject, estimate, point);
  else
    plan_dkm(subject, estimate, point);
  const std::optional<Bytes>& limit = subject.job.gram.memory_limit;
  point.allowed_memory =
      limit ? static_cast<double>(limit->value)
            : usable * static_cast<double>(subject.node.memory.value) / static_cast<double>(ranks_a_node);
  point.refused = why_refused(point, !subject.kernel || point.memory.matrix > 0);
  return point;
}

double computing(const PlanPoint& point) {
  double sum = 0;
  for (const PhaseCost& phase : point.phases) sum += phase.computing;
  return sum;
}

}  // namespace

double PlanPoint::seconds() const {
  double sum = 0;
  for (const PhaseCost& phase : phases) sum += phase.seconds();
  return sum;
}

std::string PlanPoint::bottleneck() const {
  if (memory_bytes() > allowed_memory) return "memory";
  const PhaseCost& longest =
      *std::ranges::max_element(phases, {}, [](const PhaseCost& phase) { return phase.seconds(); });
  const double most = std::max({longest.computing, longest.communication, longest.files});
  return fmt::format("{}: {}", longest.name,
                     most == longest.computing       ? "computing"
                     : most == longest.communication ? "communication"
                                                     : "file system");
}

PlanPoint plan_point(const PlanSubject& subject, Index nodes, Index ranks_a_node) {
  PlanPoint point = plan_ranks(subject, nodes, ranks_a_node);
  // The same method on one rank, whatever one rank would choose, with its share of the node's memory.
  Job job = subject.job;
  if (!point.method.empty()) job.solve.method = point.method == "cg" ? Method::cg : Method::cholesky;
  PlanSubject alone{.job = job,
                    .outline = subject.outline,
                    .kernel = subject.kernel,
                    .tiles = subject.tiles,
                    .node = subject.node};
  alone.node.memory_gb_s /= static_cast<double>(ranks_a_node);
  point.efficiency =
      computing(plan_ranks(alone, 1, 1)) / (static_cast<double>(point.ranks) * point.seconds());
  return point;
}

}  // namespace widegram::jobs
