#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "src/kernels/block.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/member_trace.hpp"

namespace widegram::kernels {

/// Any network on images, the plain way: pair after pair of samples, all pairs of their pixels at once (only
/// those of a pixel with itself where the network does not mix pixels), in double whatever Real is. Scratch:
/// a few blocks of pixel_pairs() doubles.
template <class Real>
class PixelEngine final : public Engine<Real> {
 public:
  /// The network must fit the input. why: it has to be the plain way, for its name.
  PixelEngine(Network network, SampleShape input, Index tile_edge = 1, std::string why = "");

  Index networks() const override { return 1; }
  std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                                    SampleOrder order) const override;
  void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
            std::span<const TileOutput<Real>> out) const override;
  double flops_per_entry(SampleOrder order) const override {
    return shares_flips_ && order == SampleOrder::flip_pairs ? flops_per_entry_ / 2 : flops_per_entry_;
  }
  double bytes_per_sample() const override { return bytes_per_sample_; }
  double tile_bytes() const override;
  std::string name() const override;

 private:
  class Samples;
  struct Member;

  std::pair<double, double> entry(const Member& x, const Member& z, bool wants_ntk,
                                  Workspace<double>& workspace) const;
  Block<double> input_block(const std::vector<double>& x, const std::vector<double>& z, bool wants_ntk,
                            Workspace<double>& workspace) const;

  Network network_;
  SampleShape input_;
  Index edge_;
  std::string why_;
  Layout layout_;
  std::vector<VarianceLayer> variance_layers_;
  bool only_ids_;
  bool shares_flips_;
  double flops_per_entry_;
  double bytes_per_sample_;
};

extern template class PixelEngine<float>;
extern template class PixelEngine<double>;

}  // namespace widegram::kernels
