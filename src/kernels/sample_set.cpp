#include "src/kernels/sample_set.hpp"

#include <algorithm>

#include "src/base/fingerprint.hpp"

namespace widegram::kernels {

template <class Real>
SampleSet<Real>::SampleSet(MatrixView<const Real> inputs, std::span<const std::int64_t> ids, Index edge)
    : inputs_(inputs.rows, round_up(inputs.cols, edge)), ids_(ids.begin(), ids.end()) {
  checksums_.reserve(ids.size());
  for (Index i = 0; i < inputs.cols; ++i) {
    const std::span<const Real> sample(inputs.column(i), static_cast<std::size_t>(inputs.rows));
    std::copy(sample.begin(), sample.end(), inputs_.column(i));
    checksums_.push_back(checksum(sample));
  }
}

template <class Real>
bool SampleSet<Real>::equal_inputs(Index i, const SampleSet& other, Index j) const {
  return checksums_[static_cast<std::size_t>(i)] == other.checksums_[static_cast<std::size_t>(j)] &&
         std::equal(inputs_.column(i), inputs_.column(i) + inputs_.rows(), other.inputs_.column(j));
}

template class SampleSet<float>;
template class SampleSet<double>;

}  // namespace widegram::kernels
