#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/study_options.hpp"

namespace CLI {
class App;
}

namespace widegram::jobs {

/// What a command takes beside its options.
enum class Takes { job, optional_job, file, folders, nothing };

/// One command as the command line knows it.
struct CommandSyntax {
  std::string name;
  std::string summary;
  Takes takes = Takes::job;
  std::string example;
};

/// All commands of the contract, in the order of the help.
const std::vector<CommandSyntax>& command_syntax();

/// What the user has asked for.
struct CommandLine {
  std::string command;
  std::string job_file;
  std::string file;                  ///< inspect, verify
  std::vector<std::string> folders;  ///< report
  std::vector<std::string> overrides;
  std::vector<std::string> petsc;  ///< all words after --
  std::optional<double> walltime;  ///< seconds
  ScaleOptions scale;
  PlanOptions plan;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool show_version = false;
  std::optional<std::string> help;  ///< to be printed in place of running anything
};

/// Declares every command and option; what is parsed goes into `line` and `help_job`.
void declare_command_line(CLI::App& app, CommandLine& line, bool& help_job);

/// Parses the words after the program's name. Throws Error(usage) with one message that names the word at
/// fault.
CommandLine parse_command_line(const std::vector<std::string>& words);

/// Whether the words name the command that starts MPI programs itself and so must not be one: `scale`. Local.
bool launches_ranks(const std::vector<std::string>& words);

}  // namespace widegram::jobs
