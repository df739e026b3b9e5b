#pragma once

#include <memory>
#include <vector>

#include "src/kernels/engine.hpp"
#include "src/kernels/member_trace.hpp"

namespace widegram::kernels {

/// Networks on vectors. A tile is one matrix product of its inputs, then the network on all its pairs at
/// once. Pairs too near to +-1 in correlation (near_pairs.hpp; in float32 behind any layer, in float64 at the
/// input) are worked out again, one by one, in double.
template <class Real>
class DenseEngine final : public Engine<Real> {
 public:
  /// The network must fit an input of that many features.
  DenseEngine(Network network, Index features, Index tile_edge);

  Index networks() const override { return 1; }
  std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                                    SampleOrder order) const override;
  void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
            std::span<const TileOutput<Real>> out) const override;
  double flops_per_entry(SampleOrder) const override { return flops_per_entry_; }
  double bytes_per_sample() const override { return bytes_per_sample_; }
  double tile_bytes() const override;
  std::string name() const override;

 private:
  class Samples;
  using Pairs = std::vector<std::pair<Index, Index>>;

  void multiply_inputs(const Samples& rows, Index row, const Samples& cols, Index col,
                       MatrixView<Real> nngp) const;
  void correct_near_pairs(const Pairs& near, const Samples& rows, Index row, const Samples& cols, Index col,
                          const TileOutput<Real>& out) const;
  void compute_in_double(const Pairs& pairs, const Samples& rows, Index row, const Samples& cols, Index col,
                         const TileOutput<Real>& out) const;

  Network network_;
  Index features_;
  Index edge_;
  std::vector<VarianceLayer> variance_layers_;
  bool only_ids_;
  double flops_per_entry_;
  double bytes_per_sample_ = 0;
};

extern template class DenseEngine<float>;
extern template class DenseEngine<double>;

}  // namespace widegram::kernels
