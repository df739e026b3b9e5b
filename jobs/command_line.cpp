#include "jobs/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "jobs/job_file.hpp"
#include "jobs/units.hpp"
#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::jobs {
namespace {

constexpr const char* about =
    "widegram: Gram matrices of infinitely wide networks (NNGP, NTK) across MPI ranks, and regression on "
    "them.\n"
    "Start: mpirun -n RANKS widegram COMMAND JOB.toml [--set table.key=value]... [-- PETSc options]";
constexpr const char* first_steps =
    "First steps:\n"
    "  widegram doctor                                        is this machine ready?\n"
    "  mpirun -n 2 widegram run jobs/examples/digits.toml     the main job, in seconds\n"
    "  widegram COMMAND --help                                more on one command\n"
    "  widegram --help-job                                    all keys of a job file";

const CommandSyntax* find_command(const std::string& name) {
  const auto& all = command_syntax();
  const auto found = std::ranges::find(all, name, &CommandSyntax::name);
  return found == all.end() ? nullptr : &*found;
}

/// The first word without a dash that is no option's value; the end where there is none.
std::vector<std::string>::const_iterator command_word(const std::vector<std::string>& words) {
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == "--set" || *word == "--walltime") {
      if (++word == words.end()) break;
    } else if (!word->starts_with('-')) {
      return word;
    }
  }
  return words.end();
}

void check_command(const std::vector<std::string>& words) {
  const auto word = command_word(words);
  if (word == words.end() || find_command(*word) != nullptr) return;
  std::vector<std::string> names;
  for (const CommandSyntax& command : command_syntax()) names.push_back(command.name);
  throw Error(ExitCode::usage, fmt::format("unknown command '{}'{} (widegram --help lists all)", *word,
                                           suggestion(*word, names)));
}

void add_job_options(CLI::App& command, CommandLine& line, bool required) {
  command.add_option("JOB.toml", line.job_file, "the job file")->required(required)->type_name("");
  command
      .add_option("--set", line.overrides,
                  "table.key=value: replaces or adds a value of the job file; may come again")
      ->allow_extra_args(false)
      ->type_name("table.key=value");
}

/// For commands that work for long.
void add_walltime(CLI::App& command, CommandLine& line) {
  const auto parse = [&line](const std::string& text) {
    const std::optional<Seconds> limit = parse_time_limit(text);
    if (!limit || limit->value <= 0)
      throw CLI::ValidationError("--walltime " + text,
                                 "is no length of time: 90s, 2h, 30 (minutes), 1:30:00 or 1-12:00:00");
    line.walltime = limit->value;
  };
  command
      .add_option_function<std::string>(
          "--walltime", parse,
          "stop in time to have all saved by then, with exit code 75: 90s, 2h, 30 (minutes), 1:30:00")
      ->type_name("TIME");
}

void add_command(CLI::App& app, const CommandSyntax& syntax, CommandLine& line) {
  CLI::App* command = app.add_subcommand(syntax.name, syntax.summary);
  command->callback([&line, name = syntax.name] { line.command = name; });
  command->fallthrough();
  command->footer("Example:\n  " + syntax.example);
  switch (syntax.takes) {
    case Takes::job:
      add_job_options(*command, line, true);
      if (syntax.name != "describe" && syntax.name != "scale" && syntax.name != "plan")
        add_walltime(*command, line);
      if (syntax.name == "scale") add_scale_options(*command, line.scale);
      if (syntax.name == "plan") add_plan_options(*command, line.plan);
      break;
    case Takes::optional_job:
      add_job_options(*command, line, false);
      break;
    case Takes::file:
      command
          ->add_option(
              "FILE", line.file,
              syntax.name == "inspect"
                  ? "a result file (gram.h5, model.h5, ...) or any other HDF5 file"
                  : "a result file: gram.h5, model.h5, predictions.h5, spectrum.h5, dynamics.h5, dkm.h5")
          ->required()
          ->type_name("");
      break;
    case Takes::folders:
      command->add_option("FOLDER", line.folders, "output folders of finished runs")
          ->required()
          ->type_name("");
      break;
    case Takes::nothing:
      break;
  }
  if (syntax.name == "inspect") command->add_flag("--json", line.json, "print JSON, for programs");
}

/// CLI11's message, with the way on.
std::string explained(const CLI::ParseError& error, const std::string& command) {
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  return fmt::format("command line: {}; see widegram {}--help", text, command.empty() ? "" : command + " ");
}

}  // namespace

const std::vector<CommandSyntax>& command_syntax() {
  static const std::vector<CommandSyntax> all{
      {"run", "gram, solve and predict, with a report: the main job", Takes::job,
       "mpirun -n 2 widegram run jobs/examples/fashion.toml --set solve.ridge=1e-3"},
      {"gram", "assemble the training Gram, and the test x train block, into gram.h5", Takes::job,
       "mpirun -n 4 widegram gram jobs/examples/fashion.toml --set output=runs/a"},
      {"solve", "fit the regression on the Gram, assembling what is missing, into model.h5", Takes::job,
       "mpirun -n 4 widegram solve jobs/examples/fashion.toml -- -ksp_monitor"},
      {"predict", "evaluate the model on the test set, into predictions.h5", Takes::job,
       "mpirun -n 4 widegram predict jobs/examples/fashion.toml"},
      {"spectrum", "eigenvalues of the Gram and what follows from them, into spectrum.h5", Takes::job,
       "mpirun -n 4 widegram spectrum jobs/examples/fashion.toml --set spectrum.largest=200"},
      {"dynamics", "outputs and losses while a network is trained, into dynamics.h5", Takes::job,
       "mpirun -n 4 widegram dynamics jobs/examples/fashion.toml --set dynamics.validation=0.2"},
      {"dkm", "train a deep kernel machine and evaluate it on the test set, into dkm.h5 and predictions.h5",
       Takes::job, "mpirun -n 4 widegram dkm jobs/examples/dkm-digits.toml"},
      {"describe", "print the network layer by layer, the memory, disk and time it needs; compute nothing",
       Takes::job, "widegram describe jobs/examples/cntk-gap.toml --set kernel.depth=20"},
      {"inspect", "say what a file holds, how complete it is and who wrote it", Takes::file,
       "widegram inspect runs/digits/gram.h5 --json"},
      {"verify", "read a result file again and check every checksum", Takes::file,
       "mpirun -n 2 widegram verify runs/digits/gram.h5"},
      {"report", "print a table of finished runs from their metrics.json", Takes::folders,
       "widegram report runs/digits runs/fashion"},
      {"doctor", "check this machine and launch: ranks, BLAS, HDF5, file locks, memory", Takes::optional_job,
       "mpirun -n 2 widegram doctor"},
      {"scale",
       "scaling study over rank counts and sizes, into scaling.json, scaling.csv and plots; it starts the "
       "ranks",
       Takes::job, "widegram scale jobs/examples/fashion.toml --ranks 1,2 --sizes 1000,2000,4000"},
      {"plan", "predict time, memory, files and efficiency on other machines and sizes, into plan.json",
       Takes::job, "widegram plan jobs/examples/fashion.toml --nodes 1..64 --size 1000000"}};
  return all;
}

void declare_command_line(CLI::App& app, CommandLine& line, bool& help_job) {
  app.name("widegram");
  app.description(about);
  app.footer(first_steps);
  app.require_subcommand(0, 1);
  app.add_flag("--version", line.show_version, "print the versions of the program and its libraries");
  app.add_flag("--help-job", help_job, "print all keys of a job file");
  app.add_flag("--quiet", line.quiet, "print results and errors only");
  app.add_flag("--verbose", line.verbose, "print details: ranks, versions, processor, where results go");
  for (const CommandSyntax& syntax : command_syntax()) add_command(app, syntax, line);
}

CommandLine parse_command_line(const std::vector<std::string>& words) {
  CommandLine line;
  const auto dashes = std::ranges::find(words, std::string("--"));
  std::vector<std::string> own(words.begin(), dashes);
  if (dashes != words.end()) line.petsc.assign(dashes + 1, words.end());
  if (own.empty()) own = {"--help"};
  check_command(own);

  CLI::App app;
  bool help_job = false;
  declare_command_line(app, line, help_job);
  try {
    std::ranges::reverse(own);  // what CLI11 wants of a vector
    app.parse(own);
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage, explained(error, line.command));
  }
  if (help_job) line.help = job_reference();
  if (line.help || line.show_version) return line;
  if (line.command.empty())
    throw Error(ExitCode::usage, "command line: no command given; see widegram --help");
  if (line.quiet && line.verbose)
    throw Error(ExitCode::usage, "command line: --quiet and --verbose exclude each other");
  return line;
}

bool launches_ranks(const std::vector<std::string>& words) {
  const auto word = command_word(words);
  return word != words.end() && *word == "scale";
}

}  // namespace widegram::jobs
