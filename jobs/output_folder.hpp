#pragma once

#include <filesystem>
#include <string>

#include "jobs/job.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// Writes a whole text file: under a temporary name beside it, flushed to the disk, then renamed, so that its
/// own name never stands for half a file. One rank. Throws Error(files) with the reason.
void write_text_file(const std::filesystem::path& path, const std::string& text);

/// A file of the job's output folder.
std::string in_output(const Job& job, const std::string& name);

/// A file of this name in the output folder stops the run, and any other that is started while it is there.
std::string stop_file(const Job& job);

/// Collective. Makes the job's output folder. Throws CollectiveError(files) where that cannot be.
void make_output_folder(const mpi::Communicator& comm, const Job& job);

/// Collective. Writes the resolved job into its output folder as job.toml, and takes away the metrics.json of
/// an earlier run: to be called once it is clear that the folder's results are this job's. Throws
/// CollectiveError(files).
void claim_output_folder(const mpi::Communicator& comm, const Job& job);

}  // namespace widegram::jobs
