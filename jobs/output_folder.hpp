#pragma once

#include <filesystem>
#include <string>

#include "jobs/job.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// Writes a whole text file: under a temporary name beside it, flushed to the disk, then renamed, so that its
/// own name never stands for half a file. One rank. Throws Error(files) with the reason.
void write_text_file(const std::filesystem::path& path, const std::string& text);

/// Collective. Makes the job's output folder and writes the resolved job into it as job.toml.
/// Throws CollectiveError(files) where that cannot be.
void open_output_folder(const mpi::Communicator& comm, const Job& job);

}  // namespace widegram::jobs
