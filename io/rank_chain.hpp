#pragma once

#include <span>

#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// A sum over all samples in their global order, so that it has the same bits on any number of ranks: `state`
/// passes along the ranks, each of which adds its own samples by `work(state)`, and the last one tells the
/// result to all.
/// Collective; `work` must not throw. Costs a walk over the data at the memory's speed, one rank after
/// another.
template <class T, class F>
void in_rank_order(const mpi::Communicator& comm, std::span<T> state, F&& work) {
  const int last = comm.size() - 1;
  if (comm.rank() > 0) comm.receive(state, comm.rank() - 1);
  work(state);
  if (comm.rank() < last) comm.send(std::span<const T>(state), comm.rank() + 1);
  comm.broadcast(state, last);
}

}  // namespace widegram::io
