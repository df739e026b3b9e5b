#include "solvers/dkm/full_objective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "solvers/dkm/gram_map.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/scalapack_triangular.hpp"
#include "src/dist/symmetry.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::dkm {
namespace {

using dist::DistributedMatrix;

void copy_entries(const DistributedMatrix<double>& from, DistributedMatrix<double>& to) {
  std::copy_n(from.local().data, from.local_rows() * from.local_cols(), to.local().data);
}

/// Sum of log(entry) over the diagonal of a factor.
double log_diagonal(const DistributedMatrix<double>& a) {
  double sum = 0;
  dist::for_each_diagonal(a, [&](GlobalIndex, double entry) { sum += std::log(entry); });
  return a.grid().comm().sum(sum);
}

double sum_of_squares(const DistributedMatrix<double>& a) {
  double sum = 0;
  for (LocalIndex j = 0; j < a.local_cols(); ++j)
    for (LocalIndex i = 0; i < a.local_rows(); ++i) sum += a.local()(i, j) * a.local()(i, j);
  return a.grid().comm().sum(sum);
}

double inner_product(const DistributedMatrix<double>& a, const DistributedMatrix<double>& b) {
  double sum = 0;
  for (LocalIndex j = 0; j < a.local_cols(); ++j)
    for (LocalIndex i = 0; i < a.local_rows(); ++i) sum += a.local()(i, j) * b.local()(i, j);
  return a.grid().comm().sum(sum);
}

double trace(const DistributedMatrix<double>& a) {
  return dist::mean_diagonal(a) * static_cast<double>(a.rows());
}

/// Zeros above the diagonal.
void clear_above(DistributedMatrix<double>& a) {
  for (LocalIndex j = 0; j < a.local_cols(); ++j) {
    const dist::BlockCyclic above{a.global_col(j), a.block(), a.grid().rows()};
    std::fill_n(a.local().column(j), above.local_extent(a.grid().row()), 0.0);
  }
}

}  // namespace

std::string Breakdown::message(double jitter) const {
  const std::string matrix =
      of == Of::gram     ? fmt::format("the Gram G_{} of layer {}", layer, layer)
      : of == Of::kernel ? fmt::format("the kernel K(G_{}) that layer {} is compared with", layer, layer + 1)
                         : fmt::format("the covariance K(G_{}) + noise of the targets", layer);
  const std::string what =
      minor > 0 ? fmt::format("its leading minor of order {} fails, at training sample {} (counted from 0)",
                              minor, minor - 1)
                : std::string("a number of it overflows");
  const std::string mend =
      of == Of::gram ? "raise nu, which holds the Gram near its kernel, or scale inputs and targets to "
                       "about 1"
                     : fmt::format(
                           "raise dkm.jitter (it is {:g}; 1e-6 is usual){}, take out repeated "
                           "samples, or another dkm.kernel: linear needs more features than "
                           "samples",
                           jitter, of == Of::likelihood ? " or dkm.noise" : "");
  return fmt::format("{} is not positive definite: {}; {}", matrix, what, mend);
}

FullObjective::FullObjective(const KernelMap<double>& map, DistributedMatrix<double> input_gram,
                             DistributedMatrix<double> targets, Index layers, double jitter)
    : map_(map),
      input_gram_(std::move(input_gram)),
      targets_(std::move(targets)),
      layers_(layers),
      jitter_(jitter),
      alpha_(targets_.copy()) {
  for (Index l = 0; l < layers; ++l) {
    chols_.push_back(matrix());
    grams_.push_back(matrix());
    whitened_.push_back(matrix());
  }
  chols_.push_back(matrix());
  diagonals_.resize(static_cast<std::size_t>(layers) + 1);
  diagonals_[0] = gathered_diagonal(input_gram_);
  apply_map(map_, input_gram_, diagonals_[0], jitter_, chols_[0]);
  if (const auto broken = factorize(chols_[0], {Breakdown::Of::kernel, 0, 0}))
    throw mpi::CollectiveError(ExitCode::numerical, broken->message(jitter_));
}

DistributedMatrix<double> FullObjective::matrix() const {
  return {input_gram_.grid(), input_gram_.rows(), input_gram_.cols(), input_gram_.block()};
}

std::optional<Breakdown> FullObjective::factorize(DistributedMatrix<double>& k, Breakdown where) {
  double largest = 0;
  dist::for_each_diagonal(k, [&](GlobalIndex, double entry) { largest = std::max(largest, entry); });
  largest = grid().comm().max(largest);
  where.minor = timed_([&] { return dist::potrf(k); });
  // Pivots of this size are made by rounding, and what follows from them means nothing.
  const double least = static_cast<double>(k.rows()) * std::numeric_limits<double>::epsilon() * largest;
  GlobalIndex tiny = where.minor > 0 ? where.minor - 1 : k.rows();
  dist::for_each_diagonal(k, [&](GlobalIndex i, double root) {
    if (i < tiny && !(root * root >= least)) tiny = i;
  });
  tiny = grid().comm().min(tiny);
  if (tiny < k.rows()) where.minor = tiny + 1;
  return where.minor > 0 ? std::optional(where) : std::nullopt;
}

std::optional<Breakdown> FullObjective::check_factor(const DistributedMatrix<double>& v, Index layer) const {
  GlobalIndex first = v.rows();
  dist::for_each_diagonal(v, [&](GlobalIndex i, double entry) {
    if (i < first && !(entry * entry > 0 && std::isfinite(entry * entry))) first = i;
  });
  first = grid().comm().min(first);
  if (first == v.rows()) return std::nullopt;
  return Breakdown{Breakdown::Of::gram, layer, first + 1};
}

std::vector<DistributedMatrix<double>> FullObjective::nngp_factors() {
  Matrices factors = nngp_grams(map_, input_gram_, layers_, jitter_);
  for (Index l = 0; l < layers_; ++l) {
    DistributedMatrix<double>& factor = factors[static_cast<std::size_t>(l)];
    if (const auto broken = factorize(factor, {Breakdown::Of::kernel, l, 0}))
      throw mpi::CollectiveError(ExitCode::numerical, broken->message(jitter_));
    clear_above(factor);
  }
  return factors;
}

double FullObjective::divergence(const DistributedMatrix<double>& v, std::size_t layer) {
  DistributedMatrix<double>& a = whitened_[layer - 1];
  copy_entries(v, a);
  timed_([&] { dist::solve_lower(chols_[layer - 1], a); });
  return 0.5 * (sum_of_squares(a) - 2.0 * log_diagonal(v) + 2.0 * log_diagonal(chols_[layer - 1]) -
                static_cast<double>(size()));
}

void FullObjective::likelihood(double noise, FullValue& value) {
  DistributedMatrix<double>& s = chols_.back();
  dist::for_each_diagonal(s, [&](GlobalIndex, double& entry) { entry += noise; });
  value.breakdown = factorize(s, {Breakdown::Of::likelihood, layers_, 0});
  if (value.breakdown) return;
  copy_entries(targets_, alpha_);
  timed_([&] { dist::potrs(s, alpha_); });
  const auto outputs = static_cast<double>(targets_.cols());
  value.log_likelihood = -0.5 * inner_product(targets_, alpha_) - outputs * log_diagonal(s) -
                         0.5 * outputs * static_cast<double>(size()) * std::log(2.0 * std::numbers::pi);
}

FullValue FullObjective::value(const FullParameters& at) {
  FullValue value;
  for (std::size_t l = 1; l <= at.factors.size(); ++l) {
    const DistributedMatrix<double>& v = at.factors[l - 1];
    const auto layer = static_cast<Index>(l);
    value.breakdown = check_factor(v, layer);
    if (value.breakdown) return value;
    value.divergences.push_back(divergence(v, l));
    timed_([&] { dist::syrk(1.0, v, 0.0, grams_[l - 1]); });
    diagonals_[l] = gathered_diagonal(grams_[l - 1]);
    apply_map(map_, grams_[l - 1], diagonals_[l], jitter_, chols_[l]);
    if (layer == layers_) break;
    value.breakdown = factorize(chols_[l], {Breakdown::Of::kernel, layer, 0});
    if (value.breakdown) return value;
  }
  likelihood(at.noise, value);
  if (value.breakdown) return value;
  value.objective = value.log_likelihood;
  for (std::size_t l = 0; l < at.nu.size(); ++l) value.objective -= at.nu[l] * value.divergences[l];
  if (!std::isfinite(value.objective)) value.breakdown = Breakdown{Breakdown::Of::gram, layers_, 0};
  return value;
}

/// dL/dK_L, in its factor's place.
void FullObjective::likelihood_adjoint(FullGradient& into) {
  DistributedMatrix<double>& s = chols_.back();
  timed_([&] { dist::invert_factored(s); });
  timed_([&] { dist::syrk(0.5, alpha_, -0.5 * static_cast<double>(targets_.cols()), s); });
  into.noise = trace(s);
}

/// dL/dV_l from dL/dG_l beyond the layer's own divergence (in chols_[l], lower) and from that divergence;
/// K_{l-1}^-1 V_l is left in whitened_[l - 1].
void FullObjective::factor_gradient(const FullParameters& at, std::size_t layer,
                                    DistributedMatrix<double>& into) {
  const DistributedMatrix<double>& v = at.factors[layer - 1];
  DistributedMatrix<double>& b = whitened_[layer - 1];
  copy_entries(chols_[layer], into);
  dist::mirror_lower(into);
  timed_([&] { dist::multiply_lower(dist::Side::right, dist::Transpose::no, v, into, 2.0); });
  timed_([&] { dist::solve_lower_transposed(chols_[layer - 1], b); });
  const double nu = at.nu[layer - 1];
  for (LocalIndex j = 0; j < into.local_cols(); ++j)
    for (LocalIndex i = 0; i < into.local_rows(); ++i) into.local()(i, j) -= nu * b.local()(i, j);
  dist::for_each_diagonal(v, [&](GlobalIndex i, double entry) {
    into.local_block({i, i + 1}, {i, i + 1})(0, 0) += nu / entry;
  });
}

FullValue FullObjective::value_and_gradient(const FullParameters& at, FullGradient& into) {
  FullValue result = value(at);
  if (result.breakdown) return result;
  into.nu.assign(at.nu.size(), 0.0);
  likelihood_adjoint(into);
  for (std::size_t l = at.factors.size(); l >= 1; --l) {
    apply_map_adjoint(map_, grams_[l - 1], diagonals_[l], jitter_, chols_[l]);
    factor_gradient(at, l, into.factors[l - 1]);
    into.nu[l - 1] = -result.divergences[l - 1];
    if (l == 1) break;
    const double half_nu = 0.5 * at.nu[l - 1];
    timed_([&] { dist::invert_factored(chols_[l - 1]); });
    timed_([&] { dist::syrk(half_nu, whitened_[l - 1], -half_nu, chols_[l - 1]); });
  }
  return result;
}

}  // namespace widegram::dkm
