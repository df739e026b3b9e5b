#include "jobs/command_words.hpp"

#include <CLI/CLI.hpp>

#include "jobs/job_tables.hpp"

namespace widegram::jobs {
namespace {

std::vector<OptionWords> options_of(const CLI::App& app) {
  std::vector<OptionWords> all;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;  // a file or folder without a name of its own
    if (app.get_parent() != nullptr && option == app.get_help_ptr()) continue;  // as of the program
    const bool flag = option->get_items_expected_max() == 0;
    all.push_back({"--" + option->get_lnames().front(), flag ? "" : option->get_type_name(),
                   option->get_description()});
  }
  return all;
}

/// Runs `read` on the command line's declaration.
template <class Read>
auto of_declaration(Read&& read) {
  CLI::App app;
  CommandLine line;
  bool help_job = false;
  declare_command_line(app, line, help_job);
  return read(app);
}

}  // namespace

std::vector<OptionWords> program_options() {
  return of_declaration([](const CLI::App& app) { return options_of(app); });
}

std::vector<CommandWords> command_words() {
  return of_declaration([](const CLI::App& app) {
    std::vector<CommandWords> all;
    for (const CommandSyntax& syntax : command_syntax()) {
      all.push_back({syntax.name, syntax.summary, syntax.example, syntax.takes,
                     options_of(*app.get_subcommand(syntax.name))});
    }
    return all;
  });
}

std::vector<std::string> job_key_names() {
  std::vector<std::string> names;
  const Job defaults;
  for_each_table(defaults, [&](const auto& keys, const auto&) {
    for (const KeyInfo& key : keys.info())
      names.push_back(keys.name().empty() ? key.name : keys.name() + "." + key.name);
  });
  return names;
}

}  // namespace widegram::jobs
