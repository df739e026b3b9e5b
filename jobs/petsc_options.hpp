#pragma once

#include <string>
#include <vector>

#include "jobs/command_line.hpp"
#include "jobs/job.hpp"

namespace widegram::jobs {

/// All options for PETSc as words of a command line: those of the job first, those behind -- after them, so
/// that the later one wins.
std::vector<std::string> petsc_words(const Job* job, const CommandLine& line);

/// Throws Error(usage) for a word that is neither an option nor the value of one, and Error(files) for a file
/// that an option names and that cannot be opened: PETSc itself would only find out at its end, on one rank.
/// One rank.
void check_petsc_words(const std::vector<std::string>& words);

}  // namespace widegram::jobs
