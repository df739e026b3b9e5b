#pragma once

#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// Makes the C library give large freed blocks back to the machine at once, so that inputs that are no longer
/// needed do not stand beside the Gram matrix to the end. To be called behind the start of MPI and PETSc,
/// which turn that off.
void return_freed_memory();

/// Most resident memory that this process has had, in bytes.
Index peak_rss_bytes();

/// Memory that the processes of this node may use together, in bytes: what it has, or less where a control
/// group (Slurm, containers) says so.
Index node_memory_bytes();

/// Ranks that share this node's memory, this one included. Collective.
int ranks_on_node(const mpi::Communicator& comm);

/// What one rank may plan with: its node's memory shared among the node's ranks, the least over all ranks.
/// Collective.
Index memory_share_bytes(const mpi::Communicator& comm);

}  // namespace widegram::jobs
