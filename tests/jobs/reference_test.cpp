#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "jobs/command_pages.hpp"
#include "jobs/command_words.hpp"
#include "jobs/job_file.hpp"

namespace widegram::jobs {
namespace {

TEST(Reference, ThePageInTheTreeIsWhatTheProgramPrints) {
  std::ifstream in(WIDEGRAM_SOURCE_DIR "/jobs/README.md");
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(page, job_reference()) << "renew it: build/widegram --help-job > jobs/README.md";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Pages, NameEveryCommandAndItsOptions) {
  const std::vector<CommandWords> commands = command_words();
  const std::string manual = command_manual();
  const std::vector<std::string> completions{completion(Shell::bash), completion(Shell::zsh),
                                             completion(Shell::fish)};
  for (const CommandWords& command : commands) {
    EXPECT_TRUE(has(manual, "\n.SS " + command.name)) << command.name;
    for (const std::string& text : completions) EXPECT_TRUE(has(text, command.name)) << command.name;
  }
  const CommandWords& solve = *std::ranges::find(commands, "solve", &CommandWords::name);
  std::vector<std::string> names;
  for (const OptionWords& option : solve.options) names.push_back(option.name);
  EXPECT_EQ(names, (std::vector<std::string>{"--set", "--walltime"}));
  EXPECT_EQ(solve.options[1].value, "TIME");
}

TEST(Pages, NameEveryKey) {
  const std::vector<std::string> keys = job_key_names();
  EXPECT_NE(std::ranges::find(keys, "solve.ridge"), keys.end());
  EXPECT_NE(std::ranges::find(keys, "output"), keys.end());
  const std::string manual = job_manual();
  EXPECT_TRUE(has(manual, ".SH [solve]\n"));
  EXPECT_TRUE(has(manual, ".TP\n\\fBmax_iterations\\fR"));
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish})
    for (const std::string& key : keys) EXPECT_TRUE(has(completion(shell), key)) << key;
}

/// troff would take a line that begins with a dot or an apostrophe for a request of its own.
TEST(Pages, HaveRequestsOfTheirOwnAlone) {
  for (const std::string& page : {command_manual(), job_manual()}) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_FALSE(line.starts_with('\'')) << line;
      if (line.starts_with('.')) {
        const std::string request = line.substr(0, line.find(' '));
        EXPECT_TRUE(std::ranges::count(std::vector<std::string>{".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I",
                                                                ".BR", ".EX", ".EE"},
                                       request) == 1)
            << line;
      }
    }
  }
}

}  // namespace
}  // namespace widegram::jobs
