#include "solvers/dkm/batches.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "src/base/random.hpp"
#include "src/dist/redistribute.hpp"

namespace widegram::dkm {
namespace {

constexpr std::uint32_t order_stream = 0x6f726465;    // "orde"
constexpr std::uint32_t augment_stream = 0x6175676d;  // "augm"

}  // namespace

Matrix<double> Samples::fetch(const mpi::Communicator& comm, std::span<const std::int64_t> ids) const {
  if (held) return dist::fetch_columns<double>(comm, inputs, *held, ids);
  Matrix<double> fetched(inputs.rows, std::ssize(ids));
  for (Index n = 0; n < fetched.cols(); ++n)
    std::copy_n(inputs.column(ids[static_cast<std::size_t>(n)]), inputs.rows, fetched.column(n));
  return fetched;
}

std::vector<std::int64_t> shuffled(Index count, std::uint64_t seed, std::int64_t epoch) {
  const CounterRandom random(seed, order_stream);
  std::vector<std::pair<std::uint64_t, std::int64_t>> keyed;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto word = random.bits(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(epoch));
    keyed.emplace_back(std::uint64_t{word[0]} << 32 | word[1], i);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::int64_t> order;
  for (const auto& [key, i] : keyed) order.push_back(i);
  return order;
}

Range share_of(const mpi::Communicator& comm, Index count) {
  return {count * comm.rank() / comm.size(), count * (comm.rank() + 1) / comm.size()};
}

void augment(const SampleShape& shape, const Augmentation& augmentation, std::uint64_t seed,
             std::int64_t epoch, std::int64_t sample, double* image) {
  if (augmentation.crop == 0 && !augmentation.flip) return;
  const auto word = CounterRandom(seed, augment_stream)
                        .bits(static_cast<std::uint64_t>(sample), static_cast<std::uint32_t>(epoch));
  const auto places = static_cast<std::uint32_t>(2 * augmentation.crop + 1);
  const Index down = static_cast<Index>(word[0] % places) - augmentation.crop;
  const Index right = static_cast<Index>(word[1] % places) - augmentation.crop;
  const bool flip = augmentation.flip && word[2] % 2 == 1;
  const std::vector<double> from(image, image + shape.features());
  for (Index c = 0; c < shape.channels; ++c)
    for (Index y = 0; y < shape.height; ++y)
      for (Index x = 0; x < shape.width; ++x) {
        const Index row = y + down;
        const Index column = (flip ? shape.width - 1 - x : x) + right;
        const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
        image[c * shape.pixels() + y * shape.width + x] =
            inside ? from[static_cast<std::size_t>(c * shape.pixels() + row * shape.width + column)] : 0.0;
      }
}

}  // namespace widegram::dkm
