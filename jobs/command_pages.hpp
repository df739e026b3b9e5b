#pragma once

#include <string>

namespace widegram::jobs {

/// Pages that an installation brings along, made from the tables that the command line and the job file are
/// checked against.

/// widegram(1), for man.
std::string command_manual();
/// widegram-job(5): every key of a job file, for man.
std::string job_manual();

enum class Shell { bash, zsh, fish };

/// Completion of commands, options, files and the names behind --set.
std::string completion(Shell shell);

}  // namespace widegram::jobs
