#include "io/feature_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/rank_chain.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

FeatureStatistics feature_statistics(const mpi::Communicator& comm, const Matrix<double>& inputs,
                                     Index samples) {
  const auto features = static_cast<std::size_t>(inputs.rows());
  FeatureStatistics result;
  std::vector<double> least;
  std::vector<double> largest;
  mpi::collectively(comm, [&] {
    result.mean.assign(features, 0.0);
    result.deviation.assign(features, 0.0);
    least.assign(features, std::numeric_limits<double>::infinity());
    largest.assign(features, -std::numeric_limits<double>::infinity());
  });
  for (Index j = 0; j < inputs.cols(); ++j)
    for (std::size_t i = 0; i < features; ++i) {
      least[i] = std::min(least[i], inputs.column(j)[i]);
      largest[i] = std::max(largest[i], inputs.column(j)[i]);
    }
  comm.all_reduce(std::span(least), MPI_MIN);
  comm.all_reduce(std::span(largest), MPI_MAX);

  in_rank_order(comm, std::span(result.mean), [&](std::span<double> sum) {
    for (Index j = 0; j < inputs.cols(); ++j)
      for (std::size_t i = 0; i < features; ++i) sum[i] += inputs.column(j)[i];
  });
  const auto count = static_cast<double>(samples);
  for (std::size_t i = 0; i < features; ++i)
    result.mean[i] = least[i] == largest[i] ? least[i] : result.mean[i] / count;

  in_rank_order(comm, std::span(result.deviation), [&](std::span<double> sum) {
    for (Index j = 0; j < inputs.cols(); ++j)
      for (std::size_t i = 0; i < features; ++i) {
        const double difference = inputs.column(j)[i] - result.mean[i];
        sum[i] += difference * difference;
      }
  });
  for (double& value : result.deviation) value = std::sqrt(value / count);
  return result;
}

}  // namespace widegram::io
