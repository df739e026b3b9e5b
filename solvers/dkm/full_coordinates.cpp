#include "solvers/dkm/full_coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "src/dist/diagonal.hpp"
#include "src/dist/scalapack_triangular.hpp"

namespace widegram::dkm {
namespace {

using dist::DistributedMatrix;

const double noise_reach = std::log(1e4);
const double nu_reach = std::log(100.0);

/// Calls f(column, first row) for every local column: where its entries on and below the diagonal start.
template <class F>
void for_each_column(const DistributedMatrix<double>& a, F&& f) {
  for (LocalIndex j = 0; j < a.local_cols(); ++j) {
    const dist::BlockCyclic above{a.global_col(j), a.block(), a.grid().rows()};
    f(j, above.local_extent(a.grid().row()));
  }
}

}  // namespace

FullCoordinates::FullCoordinates(std::vector<DistributedMatrix<double>> whitening, FullSettings settings)
    : whitening_(std::move(whitening)), settings_(std::move(settings)) {
  for_each_column(whitening_.front(), [&](LocalIndex, LocalIndex first) {
    layer_size_ += whitening_.front().local_rows() - first;
  });
  if (settings_.learn_noise) {
    learned_start_.push_back(std::log(settings_.noise));
    learned_reach_.push_back(noise_reach);
  }
  if (settings_.learn_nu)
    for (const double nu : settings_.nu) {
      learned_start_.push_back(std::log(nu));
      learned_reach_.push_back(nu_reach);
    }
  local_size_ = layers() * layer_size_ + (holds_learned() ? learned() : 0);
}

bool FullCoordinates::holds_learned() const { return whitening_.front().grid().comm().is_root(); }

DistributedMatrix<double> FullCoordinates::matrix() const {
  const DistributedMatrix<double>& one = whitening_.front();
  return {one.grid(), one.rows(), one.cols(), one.block()};
}

std::vector<double> FullCoordinates::start() const {
  std::vector<double> x(static_cast<std::size_t>(local_size_));
  set_learned_part(learned_start_, x);
  return x;
}

std::vector<double> FullCoordinates::bounds(double side) const {
  if (learned() == 0) return {};
  std::vector<double> all(static_cast<std::size_t>(local_size_),
                          side * std::numeric_limits<double>::infinity());
  std::vector<double> learned = learned_start_;
  for (std::size_t i = 0; i < learned.size(); ++i) learned[i] += side * learned_reach_[i];
  set_learned_part(learned, all);
  return all;
}

std::span<const double> FullCoordinates::layer_part(std::span<const double> x, Index layer) const {
  return x.subspan(static_cast<std::size_t>(layer * layer_size_), static_cast<std::size_t>(layer_size_));
}

void FullCoordinates::unpack(std::span<const double> x, Index layer, DistributedMatrix<double>& into) const {
  const double* next = layer_part(x, layer).data();
  for_each_column(into, [&](LocalIndex j, LocalIndex first) {
    double* const column = into.local().column(j);
    std::fill_n(column, first, 0.0);
    std::copy_n(next, into.local_rows() - first, column + first);
    next += into.local_rows() - first;
  });
}

void FullCoordinates::pack(const DistributedMatrix<double>& from, Index layer, std::span<double> x) const {
  double* next = x.data() + layer * layer_size_;
  for_each_column(from, [&](LocalIndex j, LocalIndex first) {
    next = std::copy_n(from.local().column(j) + first, from.local_rows() - first, next);
  });
}

std::vector<double> FullCoordinates::learned_part(std::span<const double> x) const {
  std::vector<double> values(learned_start_.size());
  if (holds_learned()) std::copy(x.end() - learned(), x.end(), values.begin());
  whitening_.front().grid().comm().broadcast(std::span<double>(values));
  return values;
}

void FullCoordinates::set_learned_part(std::span<const double> values, std::span<double> x) const {
  if (holds_learned()) std::copy(values.begin(), values.end(), x.end() - learned());
}

void FullCoordinates::set_parameters(std::span<const double> x, FullParameters& into) {
  for (Index l = 0; l < layers(); ++l) {
    DistributedMatrix<double>& v = into.factors[static_cast<std::size_t>(l)];
    unpack(x, l, v);
    dist::for_each_diagonal(v, [](GlobalIndex, double& entry) { entry = std::exp(entry); });
    const DistributedMatrix<double>& t = whitening_[static_cast<std::size_t>(l)];
    timed_([&] { dist::multiply_lower(dist::Side::left, dist::Transpose::no, t, v); });
  }
  into.noise = settings_.noise;
  into.nu = settings_.nu;
  if (learned() == 0) return;
  const std::vector<double> values = learned_part(x);
  auto next = values.begin();
  if (settings_.learn_noise) into.noise = std::exp(*next++);
  if (settings_.learn_nu)
    for (double& nu : into.nu) nu = std::exp(*next++);
}

void FullCoordinates::set_gradient(std::span<const double> x, const FullParameters& at,
                                   FullGradient& gradient, std::span<double> into) {
  for (Index l = 0; l < layers(); ++l) {
    DistributedMatrix<double>& d = gradient.factors[static_cast<std::size_t>(l)];
    // The entries above the diagonal reach none of those below it: T^T is upper triangular.
    const DistributedMatrix<double>& t = whitening_[static_cast<std::size_t>(l)];
    timed_([&] { dist::multiply_lower(dist::Side::left, dist::Transpose::yes, t, d); });
    const double* log_entry = layer_part(x, l).data();
    for_each_column(d, [&](LocalIndex j, LocalIndex first) {
      if (first < d.local_rows() && d.global_row(first) == d.global_col(j))
        d.local()(first, j) *= std::exp(*log_entry);
      log_entry += d.local_rows() - first;
    });
    pack(d, l, into);
  }
  std::vector<double> learned;
  if (settings_.learn_noise) learned.push_back(gradient.noise * at.noise);
  if (settings_.learn_nu)
    for (std::size_t l = 0; l < at.nu.size(); ++l) learned.push_back(gradient.nu[l] * at.nu[l]);
  set_learned_part(learned, into);
}

}  // namespace widegram::dkm
