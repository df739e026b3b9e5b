#pragma once

#include <memory>
#include <vector>

#include "src/kernels/engine.hpp"

namespace widegram::kernels {

/// Several engines as one: each takes the next of the networks, and they compute one after another, sharing
/// nothing.
template <class Real>
class SeparateEngines final : public Engine<Real> {
 public:
  /// At least one.
  explicit SeparateEngines(std::vector<std::unique_ptr<Engine<Real>>> engines);

  Index networks() const override;
  std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                                    SampleOrder order) const override;
  void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
            std::span<const TileOutput<Real>> out) const override;
  double flops_per_entry(SampleOrder order) const override;
  double bytes_per_sample() const override;
  double tile_bytes() const override;
  /// The different ones' names.
  std::string name() const override;

 private:
  class Samples;

  std::vector<std::unique_ptr<Engine<Real>>> engines_;
};

extern template class SeparateEngines<float>;
extern template class SeparateEngines<double>;

}  // namespace widegram::kernels
