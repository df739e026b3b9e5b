#pragma once

#include <string>

#include "jobs/doctor.hpp"

namespace widegram::jobs {

/// Collective. Whether `folder` can be written, has working file locks, and takes a parallel HDF5 file from
/// all ranks.
std::vector<Finding> examine_files(const mpi::Communicator& comm, const std::string& folder);

}  // namespace widegram::jobs
