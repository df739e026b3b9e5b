#include "jobs/command_pages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "io/provenance.hpp"
#include "jobs/command_words.hpp"
#include "jobs/job_tables.hpp"
#include "jobs/layer_parser.hpp"

namespace widegram::jobs {
namespace {

/// Text for troff, in which a dash is to stay a dash and a line that begins with a dot is a request; what
/// stands between backticks becomes bold.
std::string troff(const std::string& text) {
  std::string out;
  bool bold = false;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        bold = !bold;
        out += bold ? "\\fB" : "\\fR";
        break;
      default:
        out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string title(const std::string& name, int section, const std::string& about) {
  return fmt::format(".TH {} {} \"\" \"widegram {}\"\n.SH NAME\n{} \\- {}\n", name, section,
                     io::program_version(), troff(name), troff(about));
}

std::string option_entries(const std::vector<OptionWords>& options) {
  std::string out;
  for (const OptionWords& option : options) {
    out += fmt::format(".TP\n\\fB{}\\fR", troff(option.name));
    if (!option.value.empty()) out += fmt::format(" \\fI{}\\fR", troff(option.value));
    out += "\n" + troff(option.help) + "\n";
  }
  return out;
}

std::string key_entry(const KeyInfo& key) {
  std::string out = fmt::format(".TP\n\\fB{}\\fR ({}", troff(key.name), troff(key.type));
  if (!key.default_value.empty()) out += "; default " + troff(key.default_value);
  return out + ")\n" + troff(key.help) + "\n";
}

std::string argument(Takes takes) {
  switch (takes) {
    case Takes::job:
      return "JOB.toml";
    case Takes::optional_job:
      return "[JOB.toml]";
    case Takes::file:
      return "FILE";
    case Takes::folders:
      return "FOLDER...";
    case Takes::nothing:
      break;
  }
  return "";
}

std::vector<std::string> names_of(const std::vector<OptionWords>& options) {
  std::vector<std::string> names;
  for (const OptionWords& option : options) names.push_back(option.name);
  return names;
}

std::string bash_completion() {
  std::string cases;
  std::vector<std::string> commands;
  for (const CommandWords& command : command_words()) {
    commands.push_back(command.name);
    const char* files = "toml";
    if (command.takes == Takes::file) files = "h5";
    if (command.takes == Takes::folders) files = "-d";
    cases += fmt::format("    {}) options=\"{}\" files={} ;;\n", command.name,
                         fmt::join(names_of(command.options), " "), files);
  }
  std::vector<std::string> keys;
  for (const std::string& name : job_key_names()) keys.push_back(name + "=");
  return fmt::format(R"(# bash completion for widegram
_widegram() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command='' options='' files='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${{COMP_WORDS[i]}} in
      --) return ;;
      --set | --walltime) ((++i)) ;;
      -*) ;;
      *) command=${{COMP_WORDS[i]}}; break ;;
    esac
  done
  if [[ $before == --set ]]; then
    compopt -o nospace
    mapfile -t COMPREPLY < <(compgen -W "{}" -- "$word")
    return
  fi
  case $command in
    "") options="{} {}" ;;
{}  esac
  if [[ $word == -* || -z $command ]]; then
    [[ -z $command ]] || options+=" {}"
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ $files == -d ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
  elif [[ -n $files ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -X "!*.$files" -- "$word"; compgen -d -- "$word")
  fi
}}
complete -F _widegram widegram
)",
                     fmt::join(keys, " "), fmt::join(commands, " "),
                     fmt::join(names_of(program_options()), " "), cases,
                     fmt::join(names_of(program_options()), " "));
}

/// Text between single quotes for a shell, for zsh without what ends a description.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string zsh_options(const std::vector<OptionWords>& options) {
  std::string out;
  for (const OptionWords& option : options) {
    const char* values = option.name == "--set" ? ":key:_widegram_keys" : ":value:";
    out += fmt::format(" \\\n        '{}{}[{}]{}'", option.name == "--set" ? "*" : "", option.name,
                       quoted(option.help), option.value.empty() ? "" : values);
  }
  return out;
}

std::string zsh_completion() {
  std::string commands;
  std::string cases;
  for (const CommandWords& command : command_words()) {
    commands += fmt::format("    '{}:{}'\n", command.name, quoted(command.summary));
    const char* files = "'*:job file:_files -g \"*.toml\"'";
    if (command.takes == Takes::file) files = "'*:file:_files -g \"*.h5\"'";
    if (command.takes == Takes::folders) files = "'*:folder:_files -/'";
    cases += fmt::format("    {})\n      _arguments{} \\\n        {}\n      ;;\n", command.name,
                         zsh_options(command.options), files);
  }
  return fmt::format(R"(#compdef widegram
_widegram_keys() {{
  local -a keys=({})
  compadd -S '=' -a keys
}}
_widegram() {{
  local -a commands=(
{}  )
  local line state
  _arguments -C{} \
        '1: :->command' '*:: :->words'
  case $state in
  command) _describe command commands ;;
  words)
    case $line[1] in
{}    esac
    ;;
  esac
}}
_widegram "$@"
)",
                     fmt::join(job_key_names(), " "), commands, zsh_options(program_options()), cases);
}

std::string fish_options(const std::vector<OptionWords>& options, const std::string& condition) {
  std::string out;
  for (const OptionWords& option : options) {
    std::string values;
    if (!option.value.empty()) values = " -x";
    if (option.name == "--set") values += fmt::format(" -a '{}='", fmt::join(job_key_names(), "= "));
    out += fmt::format("complete -c widegram{} -l {}{} -d '{}'\n", condition, option.name.substr(2), values,
                       quoted(option.help));
  }
  return out;
}

std::string fish_completion() {
  std::string out = "complete -c widegram -f\n" + fish_options(program_options(), "");
  for (const CommandWords& command : command_words()) {
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name);
    out += fmt::format("complete -c widegram -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                       quoted(command.summary));
    if (command.takes == Takes::folders)
      out += fmt::format("complete -c widegram{} -a '(__fish_complete_directories)'\n", condition);
    else
      out += fmt::format("complete -c widegram{} -a '(__fish_complete_suffix {})'\n", condition,
                         command.takes == Takes::file ? ".h5" : ".toml");
    out += fish_options(command.options, condition);
  }
  return out;
}

}  // namespace

std::string command_manual() {
  std::string out = title("widegram", 1, "Gram matrices of infinitely wide networks and regression on them");
  out +=
      ".SH SYNOPSIS\n.B mpirun \\-n\n.I RANKS\n.B widegram\n.I COMMAND JOB.toml\n[\\fB\\-\\-set\\fR "
      "\\fItable.key=value\\fR]... [\\fB\\-\\-\\fR \\fIPETSc options\\fR]\n.SH DESCRIPTION\n" +
      troff(
          "Assembles the NNGP and NTK Gram matrices of infinitely wide networks across MPI ranks, solves "
          "kernel regression and deep kernel machines on them, and keeps all of it in HDF5 files from "
          "which "
          "an interrupted run goes on.") +
      "\n.SH OPTIONS\n" + option_entries(program_options()) + ".SH COMMANDS\n";
  for (const CommandWords& command : command_words()) {
    out +=
        fmt::format(".SS {} {}\n{}\n", command.name, troff(argument(command.takes)), troff(command.summary));
    out += option_entries(command.options);
    out += fmt::format(".PP\nExample:\n.EX\n{}\n.EE\n", troff(command.example));
  }
  out += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : std::vector<std::pair<int, const char*>>{
           {0, "done"},
           {1, "a fault inside the program: please report it"},
           {2, "the command line or the job file"},
           {3, "input data"},
           {4, "numerical failure: not positive definite, no convergence"},
           {5, "file system: unwritable, full, corrupt"},
           {75, "stopped early with all finished work saved: run the same command again to go on"}})
    out += fmt::format(".TP\n.B {}\n{}\n", code, troff(meaning));
  return out + ".SH SEE ALSO\n.BR widegram\\-job (5),\n.BR mpirun (1),\n.BR sbatch (1)\n";
}

std::string job_manual() {
  std::string out = title("widegram-job", 5, "job files of widegram");
  out += ".SH DESCRIPTION\n" +
         troff(
             "A job file is TOML 1.0. Paths in it are relative to the folder that the program is started "
             "in; `--set table.key=value` on the command line replaces or adds a value. Times are written "
             "\"90s\", \"5min\", \"1h\"; sizes \"512MiB\", \"24GiB\", \"1.5GB\".") +
         "\n";
  const Job defaults;
  for_each_table(defaults, [&](const auto& keys, const auto&) {
    out += keys.name().empty() ? ".SH TOP OF THE FILE\n" : fmt::format(".SH [{}]\n", keys.name());
    for (const KeyInfo& key : keys.info()) out += key_entry(key);
  });
  out += ".SH [petsc]\n" + troff("Any PETSc option without its dash.") + "\n.SH OPERATIONS OF LAYERS\n";
  for (const OperationInfo& operation : operations()) {
    out += fmt::format(".SS {}\n{}\n", troff(operation.name), troff(operation.help));
    for (const KeyInfo& key : operation.keys) out += key_entry(key);
  }
  return out + ".SH SEE ALSO\n.BR widegram (1)\n";
}

std::string completion(Shell shell) {
  switch (shell) {
    case Shell::bash:
      return bash_completion();
    case Shell::zsh:
      return zsh_completion();
    case Shell::fish:
      break;
  }
  return fish_completion();
}

}  // namespace widegram::jobs
