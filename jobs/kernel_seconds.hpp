#pragma once

#include "jobs/gram_family.hpp"
#include "jobs/job.hpp"
#include "src/gram/plan.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// What the tiles and samples of the job's Grams take here, on the slowest rank, measured on made-up inputs
/// for a second or so. Collective: all ranks measure at once, as they would all work at once.
template <class Real>
gram::TileSeconds measure_kernel(const mpi::Communicator& comm, const Job& job, const SampleShape& shape,
                                 const kernels::Engine<Real>& engine, const GramFamily& family) {
  const auto measure = [&](const gram::TileToTime& tile) {
    return comm.max(gram::measure_tile_seconds<Real>(engine, tile));
  };
  gram::TileToTime tile{.shape = shape,
                        .edge = job.gram.tile,
                        .rows = training_order(job.data),
                        .cols = training_order(job.data),
                        .grams = family.choices()};
  gram::TileSeconds seconds;
  seconds.sample = comm.max(gram::measure_sample_seconds<Real>(engine, shape));
  seconds.train = seconds.test = measure(tile);
  tile.on_diagonal = true;
  seconds.diagonal = measure(tile);
  tile.on_diagonal = false;
  if (tile.rows != kernels::SampleOrder::single) {
    tile.rows = kernels::SampleOrder::single;
    seconds.test = measure(tile);
  }
  return seconds;
}

}  // namespace widegram::jobs
