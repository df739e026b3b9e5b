#pragma once

#include <functional>

#include "src/mpi/communicator.hpp"

namespace widegram::mpi {

/// Collective. Every rank calls work(0), ..., work(count - 1) on a list of its own, without waiting for the
/// others. An Error on one rank stops all of them at their next heartbeat and is thrown on every rank.
/// `observe` hears the number of pieces done over all ranks, every second or so. Returns the seconds that
/// this rank worked.
double work_through(const Communicator& comm, Index count, const std::function<void(Index)>& work,
                    const std::function<void(Index)>& observe = {});

}  // namespace widegram::mpi
