#include "src/kernels/sample_set.hpp"

#include <algorithm>
#include <stdexcept>

#include "src/base/fingerprint.hpp"

namespace widegram::kernels {

template <class Real>
SampleSet<Real>::SampleSet(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                           SampleOrder order, Index edge)
    : inputs_(inputs.rows, round_up(inputs.cols, edge)), ids_(ids.begin(), ids.end()), order_(order) {
  if (order == SampleOrder::flip_pairs && ids.size() % 2 != 0)
    throw std::logic_error("an image in an augmented set stands without its mirror image");
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

template <class Real>
void SampleSet<Real>::add_diagonals(std::vector<double> nngp, std::vector<double> ntk, bool flips) {
  if (flips && order_ == SampleOrder::flip_pairs)
    for (Index i = 0; i < count(); i += 2) {
      const Real* image = inputs_.column(i);
      const Real* mirrored = inputs_.column(i + 1);
      const bool first =
          !std::lexicographical_compare(mirrored, mirrored + inputs_.rows(), image, image + inputs_.rows());
      for (std::vector<double>* values : {&nngp, &ntk}) {
        double* pair = values->data() + i;
        pair[0] = pair[1] = pair[first ? 0 : 1];
      }
    }
  diagonals_.push_back({std::move(nngp), std::move(ntk)});
}

template class SampleSet<float>;
template class SampleSet<double>;

}  // namespace widegram::kernels
