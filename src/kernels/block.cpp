#include "src/kernels/block.hpp"

#include <algorithm>

namespace widegram::kernels {

template <class Real>
Block<Real> sample_block(Layout layout, Index rows, Index cols, bool wants_ntk, Workspace<Real>& workspace) {
  Block<Real> block;
  block.layout = layout;
  block.rows = rows;
  block.cols = cols;
  block.wants_ntk = wants_ntk;
  block.nngp = workspace.take(block.size());
  return block;
}

template <class Real>
Block<Real> copy(const Block<Real>& block, Workspace<Real>& workspace) {
  Block<Real> twin = sample_block(block.layout, block.rows, block.cols, block.wants_ntk, workspace);
  twin.height = block.height;
  twin.width = block.width;
  twin.ntk_started = block.ntk_started;
  std::copy_n(block.nngp.data(), block.size(), twin.nngp.data());
  if (block.ntk_started) {
    twin.ntk = workspace.take(block.size());
    std::copy_n(block.ntk.data(), block.size(), twin.ntk.data());
  }
  return twin;
}

template <class Real>
void apply_weights(Block<Real>& block, Real weight, Real bias, Workspace<Real>& workspace) {
  const Index size = block.size();
  Real* k = block.nngp.data();
  if (!block.wants_ntk) {
    for (Index i = 0; i < size; ++i) k[i] = weight * k[i] + bias;
  } else if (block.ntk_started) {
    Real* t = block.ntk.data();
    for (Index i = 0; i < size; ++i) {
      k[i] = weight * k[i] + bias;
      t[i] = k[i] + weight * t[i];
    }
  } else {
    block.ntk = workspace.take(size);
    block.ntk_started = true;
    Real* t = block.ntk.data();
    for (Index i = 0; i < size; ++i) t[i] = k[i] = weight * k[i] + bias;
  }
}

template <class Real>
void add(Block<Real>& block, Real scale, Block<Real>&& other) {
  const Index size = block.size();
  const auto add_scaled = [&](Real* to, const Real* from) {
    for (Index i = 0; i < size; ++i) to[i] = scale * to[i] + from[i];
  };
  add_scaled(block.nngp.data(), other.nngp.data());
  if (block.ntk_started && other.ntk_started) {
    add_scaled(block.ntk.data(), other.ntk.data());
  } else if (block.ntk_started) {
    Real* t = block.ntk.data();
    for (Index i = 0; i < size; ++i) t[i] *= scale;
  } else if (other.ntk_started) {
    block.ntk = std::move(other.ntk);
    block.ntk_started = true;
  }
}

template <class Real>
void multiply(Block<Real>& block, Block<Real>&& other) {
  const Index size = block.size();
  Real* k = block.nngp.data();
  const Real* other_k = other.nngp.data();
  if (block.ntk_started) {
    Real* t = block.ntk.data();
    for (Index i = 0; i < size; ++i) t[i] *= other_k[i];
    if (other.ntk_started) {
      const Real* other_t = other.ntk.data();
      for (Index i = 0; i < size; ++i) t[i] += k[i] * other_t[i];
    }
  } else if (other.ntk_started) {
    block.ntk = std::move(other.ntk);
    block.ntk_started = true;
    Real* t = block.ntk.data();
    for (Index i = 0; i < size; ++i) t[i] *= k[i];
  }
  for (Index i = 0; i < size; ++i) k[i] *= other_k[i];
}

template <class Real>
void scale_members(Block<Real>& block, const Real* rows, const Real* cols) {
  const auto scale = [&](MatrixView<Real> values) {
    if (block.layout == Layout::paired) {
      for (Index i = 0; i < values.rows; ++i) values(i, 0) *= rows[i] * cols[i];
      return;
    }
    for (Index j = 0; j < values.cols; ++j)
      for (Index i = 0; i < values.rows; ++i) values(i, j) *= rows[i] * cols[j];
  };
  scale(block.nngp_view());
  scale(block.ntk_view());
}

template Block<float> sample_block(Layout, Index, Index, bool, Workspace<float>&);
template Block<double> sample_block(Layout, Index, Index, bool, Workspace<double>&);
template Block<float> copy(const Block<float>&, Workspace<float>&);
template Block<double> copy(const Block<double>&, Workspace<double>&);
template void apply_weights(Block<float>&, float, float, Workspace<float>&);
template void apply_weights(Block<double>&, double, double, Workspace<double>&);
template void add(Block<float>&, float, Block<float>&&);
template void add(Block<double>&, double, Block<double>&&);
template void multiply(Block<float>&, Block<float>&&);
template void multiply(Block<double>&, Block<double>&&);
template void scale_members(Block<float>&, const float*, const float*);
template void scale_members(Block<double>&, const double*, const double*);

}  // namespace widegram::kernels
