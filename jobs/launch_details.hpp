#pragma once

#include <string>
#include <vector>

#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// Collective. What --verbose tells of a start, a line each: ranks, nodes and process grid, versions, what
/// the BLAS and our own vector code were made for, and the folder of results where there is one (`output`,
/// else empty).
std::vector<std::string> launch_details(const mpi::Communicator& comm, const std::string& output);

}  // namespace widegram::jobs
