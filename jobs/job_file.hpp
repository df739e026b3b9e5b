#pragma once

#include <span>
#include <string>
#include <string_view>

#include "jobs/job.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// Parses a job. `file`: what messages call it. `overrides`: texts of --set, "table.key=value", applied in
/// order before anything is checked; a value is TOML, or, where it is not, a string. Relative paths in a job
/// are relative to the working directory. Throws Error(usage) naming file, line and key (or the --set text)
/// at fault.
Job parse_job(std::string_view text, const std::string& file, std::span<const std::string> overrides = {});

/// The same for a file. Local; throws Error(usage).
Job read_job(const std::string& path, std::span<const std::string> overrides);

/// Collective. Rank 0 reads the file; every rank gets the same job. Throws CollectiveError(usage).
Job read_job(const mpi::Communicator& comm, const std::string& path,
             std::span<const std::string> overrides = {});

/// The job with every default written out; parse_job() makes the same job of it.
std::string to_toml(const Job& job);

/// The reference of all keys, in Markdown: jobs/README.md is this text.
std::string job_reference();

}  // namespace widegram::jobs
