#pragma once

#include "src/dkm/network.hpp"
#include "src/dkm/op.hpp"

namespace widegram::dkm {

/// logs: of w and b.
template <class Real>
OpPointer<Real> make_map_op(const MapLayer& layer, const ValueShape& in, double jitter, const Slice& logs);

/// What a Gram layer takes of a model.
struct GramOptions {
  double nu = 1;
  bool taylor = false;
  double stochastic = 0;
  bool clamp_negative = false;
  std::uint64_t seed = 0;
};
/// factor: V, P x P, all of it free.
template <class Real>
OpPointer<Real> make_gram_op(const GramOptions& options, const ValueShape& in, const Slice& factor);

/// inducing_logs, data_logs: of the scales.
template <class Real>
OpPointer<Real> make_norm_op(const NormLayer& layer, const ValueShape& in, const Slice& inducing_logs,
                             const Slice& data_logs);

template <class Real>
OpPointer<Real> make_sum_op(const ValueShape& in, double weight, double second_weight);

template <class Real>
OpPointer<Real> make_pool_op(const ValueShape& in);

}  // namespace widegram::dkm
