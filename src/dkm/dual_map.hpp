#pragma once

#include <algorithm>
#include <variant>
#include <vector>

#include "src/dkm/dual_partials.hpp"
#include "src/dkm/kernel_map.hpp"
#include "src/kernels/dual.hpp"

namespace widegram::dkm {

/// What both kinds of dual share: one tile of pairs at a time, so that its copies stay in the cache.
constexpr Index tile_rows = 128;
constexpr Index tile_cols = 64;

template <class Use>
void for_each_tile(Index rows, Index cols, const Use& use) {
  for (Index j = 0; j < cols; j += tile_cols)
    for (Index i = 0; i < rows; i += tile_rows)
      use(Range{i, std::min(i + tile_rows, rows)}, Range{j, std::min(j + tile_cols, cols)});
}

template <class Real>
std::vector<double> in_double(std::span<const Real> values) {
  return {values.begin(), values.end()};
}

template <class Real>
void copy_block(MatrixView<const Real> from, MatrixView<Real> to) {
  if (from.data == to.data) return;
  for (Index j = 0; j < from.cols; ++j) std::copy_n(from.column(j), from.rows, to.column(j));
}

/// factor times the dual of an activation in closed form, `Closed` its type.
template <class Real, class Closed>
class DualMap final : public KernelMap<Real> {
 public:
  DualMap(const Closed& activation, double factor)
      : activation_(activation),
        partials_(partials_of<Real>(activation)),
        factor_(static_cast<Real>(factor)) {}

  void values(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
              MatrixView<Real> out) const override {
    const kernels::Side<Real> rows = side(left), cols = side(right);
    copy_block(cross, out);
    for_each_tile(cross.rows, cross.cols, [&](Range r, Range c) {
      const MatrixView<Real> tile = out.block(r, c);
      kernels::apply_dual(activation_, rows.view(r), cols.view(c), tile, MatrixView<Real>());
      if (factor_ == 1) return;
      for (Index j = 0; j < tile.cols; ++j)
        for (Index i = 0; i < tile.rows; ++i) tile(i, j) *= factor_;
    });
  }

  void adjoint(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
               MatrixView<const Real> d_out, MatrixView<Real> d_cross, std::span<Real> d_left,
               std::span<Real> d_right) const override {
    const kernels::Side<Real> rows = side(left), cols = side(right);
    const std::vector<Real> left_numbers = numbers(left), right_numbers = numbers(right);
    std::vector<Real> value(tile_rows * tile_cols), slope(tile_rows * tile_cols);
    for_each_tile(cross.rows, cross.cols, [&](Range r, Range c) {
      const MatrixView<Real> values(value.data(), r.size(), c.size());
      const MatrixView<Real> slopes(slope.data(), r.size(), c.size());
      const MatrixView<const Real> covariances = cross.block(r, c);
      copy_block(covariances, values);
      std::fill_n(slope.begin(), r.size() * c.size(), Real{1});
      kernels::apply_dual(activation_, rows.view(r), cols.view(c), values, slopes);
      for (Index j = 0; j < c.size(); ++j) {
        const auto at_right = static_cast<std::size_t>(c.begin + j);
        const Member<Real> b{right[at_right], right_numbers[at_right]};
        Real sum = 0;
        for (Index i = 0; i < r.size(); ++i) {
          const auto at_left = static_cast<std::size_t>(r.begin + i);
          const Real d = factor_ * d_out(r.begin + i, c.begin + j);
          const Partials<Real> by = partials_({left[at_left], left_numbers[at_left]}, covariances(i, j), b,
                                              values(i, j), slopes(i, j));
          d_left[at_left] += d * by.left;
          sum += d * by.right;
          d_cross(r.begin + i, c.begin + j) = d * by.slope;
        }
        d_right[at_right] += sum;
      }
    });
  }

  void diagonal(std::span<const Real> g, std::span<Real> out) const override {
    for (std::size_t i = 0; i < g.size(); ++i)
      out[i] =
          factor_ * static_cast<Real>(kernels::dual_diagonal(activation_, static_cast<double>(g[i])).value);
  }

  void diagonal_adjoint(std::span<const Real> g, std::span<const Real> d_out,
                        std::span<Real> d_g) const override {
    const auto exact = partials_of<double>(std::get<Closed>(activation_));
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double q = static_cast<double>(g[i]);
      const kernels::DualDiagonal dual = kernels::dual_diagonal(activation_, q);
      const Member<double> member{q, exact.number(q)};
      const Partials<double> by = exact(member, q, member, dual.value, dual.derivative);
      d_g[i] += factor_ * static_cast<Real>(by.slope + by.left + by.right) * d_out[i];
    }
  }

 private:
  kernels::Side<Real> side(std::span<const Real> variances) const {
    return kernels::dual_side<Real>(activation_, in_double(variances));
  }
  std::vector<Real> numbers(std::span<const Real> variances) const {
    std::vector<Real> all(variances.size());
    std::transform(variances.begin(), variances.end(), all.begin(),
                   [&](Real q) { return partials_.number(q); });
    return all;
  }

  kernels::Activation activation_;
  decltype(partials_of<Real>(Closed())) partials_;
  Real factor_;
};

}  // namespace widegram::dkm
