#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/kernels/engine.hpp"
#include "src/kernels/member_trace.hpp"
#include "src/kernels/plane_kernel.hpp"
#include "src/kernels/sample_set.hpp"
#include "src/kernels/scratch_pool.hpp"
#include "src/kernels/tile_pairs.hpp"

namespace widegram::kernels {

/// Networks on images by offset planes (plane_layout.hpp): K and T of one or several networks in one pass,
/// every plane in the first-level cache from the input to the next pool. What depends on one image alone is
/// worked out once an image and tile. Diagonal entries are exact: in double, whatever Real is. In float,
/// what comes out of the planes is averaged in double, and pairs of images that are alike (correlation 1 -
/// 2^-6 and more) are computed in double. How far the other entries are from double's: precision_note.hpp.
template <class Real>
class PlaneEngine final : public Engine<Real> {
 public:
  /// program: plane_program() of the networks, which fit the input.
  PlaneEngine(std::vector<Network> networks, const SampleShape& input, Index tile_edge, PlaneProgram program);

  Index networks() const override { return std::ssize(networks_); }
  std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                                    SampleOrder order) const override;
  void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
            std::span<const TileOutput<Real>> out) const override;
  double flops_per_entry(SampleOrder order) const override;
  double bytes_per_sample() const override;
  double tile_bytes() const override;
  std::string name() const override;

  /// Whether rows fit the registers that a pass holds, in double as well, which diagonals take.
  static bool fits(const SampleShape& input);

 private:
  class Samples;
  struct Means;

  template <class Precision>
  auto kernel() const;
  void compute(const Samples& rows, Index row, const Samples& cols, Index col,
               const std::vector<TilePair>& pairs, bool wants_ntk, std::vector<Means>& means) const;
  void finish(const Samples& rows, Index row, const Samples& cols, Index col, Index network,
              Means& means) const;

  std::vector<Network> networks_;
  SampleShape input_;
  Index edge_;
  PlaneProgram program_;
  std::vector<std::vector<VarianceLayer>> tail_layers_;  ///< by network
  bool only_ids_;
  bool shares_flips_;
  mutable ScratchPool<PlaneKernel<float>> float_kernels_;
  mutable ScratchPool<PlaneKernel<double>> double_kernels_;
};

extern template class PlaneEngine<float>;
extern template class PlaneEngine<double>;

}  // namespace widegram::kernels
