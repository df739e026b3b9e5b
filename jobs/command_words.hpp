#pragma once

#include <string>
#include <vector>

#include "jobs/command_line.hpp"

namespace widegram::jobs {

/// An option as the help knows it.
struct OptionWords {
  std::string name;   ///< with its dashes
  std::string value;  ///< what it takes, "TIME"; empty: a flag
  std::string help;
};

struct CommandWords {
  std::string name;
  std::string summary;
  std::string example;
  Takes takes = Takes::job;
  std::vector<OptionWords> options;  ///< beside those of the program
};

/// The program's own options.
std::vector<OptionWords> program_options();
/// All commands, in the order of the help.
std::vector<CommandWords> command_words();
/// "table.key" for every key of a job file.
std::vector<std::string> job_key_names();

}  // namespace widegram::jobs
