#include "solvers/tao.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <petsctao.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <exception>
#include <limits>
#include <string_view>
#include <utility>

#include "solvers/petsc_handles.hpp"
#include "solvers/petsc_operator.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

using TaoHandle = PetscHandle<Tao, TaoDestroy>;

/// Sets a PETSc option for the time of a scope, where the user has not.
class DefaultOption {
 public:
  DefaultOption(const char* name, const char* value) : name_(name) {
    PetscBool given = PETSC_FALSE;
    petsc::check(PetscOptionsHasName(nullptr, nullptr, name, &given));
    mine_ = !given;
    if (mine_) petsc::check(PetscOptionsSetValue(nullptr, name, value));
  }
  ~DefaultOption() {
    if (mine_) PetscOptionsClearValue(nullptr, name_);
  }
  DefaultOption(const DefaultOption&) = delete;
  DefaultOption& operator=(const DefaultOption&) = delete;

 private:
  const char* name_;
  bool mine_ = false;
};

VecHandle make_vector(const mpi::Communicator& comm, std::span<const double> values) {
  VecHandle vector;
  petsc::check(VecCreateMPI(comm.handle(), to_int(std::ssize(values), "part of a vector"), PETSC_DETERMINE,
                            vector.out()));
  std::copy(values.begin(), values.end(), VectorWrite(vector.get()).view().data);
  return vector;
}

std::span<const double> values_of(const VectorRead& read) {
  return {read.view().data, static_cast<std::size_t>(read.view().rows)};
}

/// A run of TAO, as its callbacks see it.
class Run {
 public:
  Run(const mpi::Communicator& comm, const TaoFunction& function, std::vector<double> start,
      const TaoOptions& options)
      : comm_(comm), function_(function), options_(options) {
    if (options.initial != nullptr) {
      for (const TaoPoint& point : options.initial->points) points_.push_back(point);
      start = points_.back().x;
      points_.pop_back();  // the start is looked at anew
      before_ = options.initial->iterations;
    }
    x_ = make_vector(comm, start);
    set_up();
    replay();
  }

  TaoResult solve() {
    const int code = TaoSolve(tao_.get());
    if (refused_at_start_) return ended(TaoResult::End::refused);
    if (kept_) std::rethrow_exception(std::exchange(kept_, nullptr));
    petsc::check(code);
    TaoConvergedReason reason = TAO_CONTINUE_ITERATING;
    petsc::check(TaoGetConvergedReason(tao_.get(), &reason));
    if (stopped_) return ended(TaoResult::End::stopped);
    if (reason == TAO_DIVERGED_MAXITS || reason == TAO_DIVERGED_MAXFCN)
      return ended(TaoResult::End::iterations);
    return ended(reason > 0 ? TaoResult::End::converged : TaoResult::End::stalled);
  }

 private:
  void set_up() {
    petsc::check(TaoCreate(comm_.handle(), tao_.out()));
    Tao tao = tao_.get();
    petsc::check(TaoSetType(tao, options_.type.c_str()));
    petsc::check(TaoSetSolution(tao, x_.get()));
    petsc::check(TaoSetObjectiveAndGradient(tao, nullptr, &Run::evaluate_callback, this));
    petsc::check(TaoSetMonitor(tao, &Run::monitor_callback, this, nullptr));
    petsc::check(TaoSetTolerances(tao, options_.tolerance, 0.0, 0.0));
    petsc::check(TaoSetMaximumIterations(
        tao, to_int(std::max<Index>(0, options_.max_iterations - before_), "max_iterations")));
    petsc::check(TaoSetMaximumFunctionEvaluations(tao, std::numeric_limits<PetscInt>::max()));
    if (comm_.max(std::ssize(options_.lower)) > 0) {
      lower_ = make_vector(comm_, options_.lower);
      upper_ = make_vector(comm_, options_.upper);
      petsc::check(TaoSetVariableBounds(tao, lower_.get(), upper_.get()));
    }
    // The estimate of active bounds costs a step of its own, and keeps what a restart would not know.
    const DefaultOption active_set("-tao_bnk_as_type", "none");
    // With this scaling the pairs alone make the matrix, so that a restart can make it again.
    const DefaultOption scaling("-tao_bqnls_mat_lmvm_scale_type", "scalar");
    const DefaultOption history("-tao_bqnls_mat_lmvm_hist_size", std::to_string(options_.history).c_str());
    petsc::accept(TaoSetFromOptions(tao));
    check_type();
    PetscBool is_bqnls = PETSC_FALSE;
    petsc::check(PetscObjectTypeCompare(reinterpret_cast<PetscObject>(tao), TAOBQNLS, &is_bqnls));
    keeps_points_ = is_bqnls;
    if (!keeps_points_) return;
    petsc::check(TaoSetRecycleHistory(tao, PETSC_TRUE));
    petsc::check(TaoSetUp(tao));
    petsc::check(TaoGetLMVMMatrix(tao, &pairs_));
  }

  /// Those that know gradients and nothing above them, and look at the monitor between evaluations.
  void check_type() const {
    constexpr std::array<std::string_view, 8> known{TAOBQNLS, TAOBQNKLS, TAOBQNKTR, TAOBQNKTL,
                                                    TAOBNCG,  TAOBLMVM,  TAOLMVM,   TAOCG};
    TaoType type = nullptr;
    petsc::check(TaoGetType(tao_.get(), &type));
    if (std::find(known.begin(), known.end(), type) == known.end())
      throw mpi::CollectiveError(
          ExitCode::usage, fmt::format("-tao_type {}: does not go by gradients alone: take one of {}", type,
                                       fmt::join(known, ", ")));
  }

  /// Makes the curvature pairs of the state that the run goes on from.
  void replay() {
    if (!keeps_points_) {
      points_.clear();
      return;
    }
    for (const TaoPoint& point : points_)
      petsc::check(
          MatLMVMUpdate(pairs_, make_vector(comm_, point.x).get(), make_vector(comm_, point.gradient).get()));
  }

  template <class F>
  PetscErrorCode called_back(F&& work) noexcept {
    try {
      work();
      return 0;
    } catch (const std::exception& error) {
      kept_ = std::current_exception();
      return PetscError(comm_.handle(), __LINE__, "called_back", __FILE__, PETSC_ERR_LIB, PETSC_ERROR_INITIAL,
                        "%s", error.what());
    }
  }

  static PetscErrorCode evaluate_callback(Tao, Vec x, PetscReal* value, Vec gradient, void* self) {
    Run& run = *static_cast<Run*>(self);
    return run.called_back([&] { *value = run.evaluate(x, gradient); });
  }
  static PetscErrorCode monitor_callback(Tao, void* self) {
    Run& run = *static_cast<Run*>(self);
    return run.called_back([&] { run.iterated(); });
  }

  double evaluate(Vec x, Vec gradient) {
    const VectorRead at(x);
    const VectorWrite out(gradient);
    const std::span<double> slope(out.view().data, static_cast<std::size_t>(out.view().rows));
    ++evaluations_;
    ++evaluations_here_;
    const std::optional<double> value = function_(values_of(at), slope);
    if (!value) return substitute(values_of(at), slope);
    last_.x.assign(values_of(at).begin(), values_of(at).end());
    last_.gradient.assign(slope.begin(), slope.end());
    return *value;
  }

  /// More's and Thuente's search works with cubics through values and slopes, and infinity makes its next
  /// step NaN. With this value and no slope it goes back to about a ninth of the step.
  double substitute(std::span<const double> x, std::span<double> slope) {
    ++refused_;
    std::fill(slope.begin(), slope.end(), 0.0);
    if (!standing_) {
      refused_at_start_ = true;
      throw std::runtime_error("the start lies outside of the function's domain");
    }
    double fall = 0;
    for (std::size_t i = 0; i < x.size(); ++i) fall += current_.gradient[i] * (x[i] - current_.x[i]);
    fall = std::abs(comm_.sum(fall));
    return value_ + (std::isfinite(fall) && fall > 0 ? fall : std::max(1.0, std::abs(value_)));
  }

  /// TAO stands at a new point, or at the old one where the line search has failed.
  void iterated() {
    PetscInt iteration = 0;
    PetscReal value = 0;
    PetscReal norm = 0;
    petsc::check(TaoGetSolutionStatus(tao_.get(), &iteration, &value, &norm, nullptr, nullptr, nullptr));
    iterations_ = before_ + iteration;
    value_ = value;
    norm_ = norm;
    note_point();
    evaluations_here_ = 0;
    if (options_.iteration && (iteration > 0 || options_.initial == nullptr))
      options_.iteration({iterations_, value, norm, evaluations_});
    const TaoWish wish = options_.wish ? options_.wish() : TaoWish::go_on;
    if (wish == TaoWish::go_on) return;
    if (options_.save) options_.save({iterations_, {points_.begin(), points_.end()}});
    if (wish == TaoWish::save) return;
    stopped_ = true;
    petsc::check(TaoSetConvergedReason(tao_.get(), TAO_CONVERGED_USER));
  }

  void note_point() {
    {
      const VectorRead at(x_.get());
      const std::span<const double> x = values_of(at);
      const bool fresh = std::equal(x.begin(), x.end(), last_.x.begin(), last_.x.end());
      if (comm_.min(fresh ? 1 : 0) == 0) return;  // the line search has failed and the point is the old one
    }
    if (standing_ && pairs_dropped()) points_ = {current_};
    current_ = last_;
    standing_ = true;
    points_.push_back(current_);
    while (std::ssize(points_) > kept_points()) points_.pop_front();
  }

  /// TAO forgets its pairs where the line search along its own direction fails; it then searches once more in
  /// the same iteration.
  bool pairs_dropped() const {
    TaoLineSearch search = nullptr;
    petsc::check(TaoGetLineSearch(tao_.get(), &search));
    if (search == nullptr) return false;
    PetscInt values = 0;
    PetscInt gradients = 0;
    PetscInt both = 0;
    petsc::check(TaoLineSearchGetNumberFunctionEvaluations(search, &values, &gradients, &both));
    return evaluations_here_ > both;
  }

  /// As many as the pairs need: those that were refused for their curvature come on top.
  Index kept_points() const {
    if (!keeps_points_) return 1;
    PetscInt rejected = 0;
    petsc::check(MatLMVMGetRejectCount(pairs_, &rejected));
    return options_.history + 1 + std::min<Index>(rejected, options_.history);
  }

  TaoResult ended(TaoResult::End end) const {
    TaoResult result{.end = end,
                     .x = {},
                     .value = value_,
                     .gradient_norm = norm_,
                     .iterations = iterations_,
                     .evaluations = evaluations_,
                     .refused = refused_};
    const VectorRead at(x_.get());
    result.x.assign(values_of(at).begin(), values_of(at).end());
    return result;
  }

  const mpi::Communicator& comm_;
  const TaoFunction& function_;
  const TaoOptions& options_;
  VecHandle x_;
  VecHandle lower_;
  VecHandle upper_;
  TaoHandle tao_;
  Mat pairs_ = nullptr;
  bool keeps_points_ = false;

  std::deque<TaoPoint> points_;
  TaoPoint last_;     ///< of the latest evaluation inside the domain
  TaoPoint current_;  ///< where TAO stands
  bool standing_ = false;
  double value_ = 0;
  double norm_ = 0;
  Index before_ = 0;
  Index iterations_ = 0;
  Index evaluations_ = 0;
  Index evaluations_here_ = 0;  ///< since the last iteration
  Index refused_ = 0;
  bool refused_at_start_ = false;
  bool stopped_ = false;
  std::exception_ptr kept_;
};

}  // namespace

const char* to_string(TaoResult::End end) {
  switch (end) {
    case TaoResult::End::converged:
      return "converged";
    case TaoResult::End::iterations:
      return "iterations";
    case TaoResult::End::stopped:
      return "stopped";
    case TaoResult::End::stalled:
      return "stalled";
    case TaoResult::End::refused:
      break;
  }
  return "refused";
}

TaoResult minimize(const mpi::Communicator& comm, const TaoFunction& function, std::vector<double> start,
                   const TaoOptions& options) {
  return Run(comm, function, std::move(start), options).solve();
}

}  // namespace widegram::solvers
