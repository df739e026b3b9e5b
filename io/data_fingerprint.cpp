#include "io/data_fingerprint.hpp"

#include <array>
#include <span>

#include "io/rank_chain.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

std::uint64_t combine(std::uint64_t first, std::uint64_t second) {
  const std::array<std::uint64_t, 2> both{first, second};
  return checksum(both.data(), sizeof both);
}

std::uint64_t combine(std::uint64_t first, const std::vector<std::uint64_t>& more) {
  for (const std::uint64_t value : more) first = combine(first, value);
  return first;
}

/// `seed` tells apart the same numbers in another shape.
std::vector<std::uint64_t> column_checksums(const Matrix<double>& values, std::uint64_t seed) {
  std::vector<std::uint64_t> sums;
  for (Index j = 0; j < values.cols(); ++j)
    sums.push_back(
        combine(seed, checksum(std::span(values.column(j), static_cast<std::size_t>(values.rows())))));
  return sums;
}

std::vector<std::uint64_t> target_checksums(const DataSet& set) {
  if (set.target_kind == TargetKind::values) return column_checksums(set.values, 1);
  std::vector<std::uint64_t> sums;
  for (const std::int64_t k : set.classes)
    sums.push_back(combine(static_cast<std::uint64_t>(set.outputs), static_cast<std::uint64_t>(k)));
  return sums;
}

}  // namespace

DataFingerprint fingerprint(const mpi::Communicator& comm, const DataSet& set) {
  DataFingerprint result;
  mpi::collectively(comm, [&] {
    const std::array<Index, 3> extents{set.shape.channels, set.shape.height, set.shape.width};
    result.inputs = column_checksums(set.inputs, checksum(extents.data(), sizeof extents));
    result.targets = target_checksums(set);
  });
  std::array<std::uint64_t, 2> all{1, 1};
  in_rank_order(comm, std::span<std::uint64_t>(all), [&](std::span<std::uint64_t> state) {
    state[0] = combine(state[0], result.inputs);
    state[1] = combine(state[1], result.targets);
  });
  result.all_inputs = all[0];
  result.all_targets = all[1];
  return result;
}

}  // namespace widegram::io
