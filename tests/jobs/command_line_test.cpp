#include "jobs/command_line.hpp"

#include <gtest/gtest.h>

#include "src/base/error.hpp"
#include "tests/support/messages.hpp"

namespace widegram::jobs {
namespace {

using Words = std::vector<std::string>;

using test::expect_part;

std::string message_of(const Words& words) {
  return test::usage_message([&] { parse_command_line(words); });
}

TEST(CommandLine, AWholeOne) {
  const CommandLine line = parse_command_line({"run", "job.toml", "--set", "a.b=[1, 2]", "--quiet", "--set",
                                               "c=d", "--", "-ksp_monitor", "--", "-log_view"});
  EXPECT_EQ(line.command, "run");
  EXPECT_EQ(line.job_file, "job.toml");
  EXPECT_EQ(line.overrides, (Words{"a.b=[1, 2]", "c=d"}));
  EXPECT_EQ(line.petsc, (Words{"-ksp_monitor", "--", "-log_view"}));
  EXPECT_TRUE(line.quiet);
  EXPECT_FALSE(line.help);
}

TEST(CommandLine, OptionsStandAnywhere) {
  const CommandLine line = parse_command_line({"--verbose", "gram", "--set=a=1", "job.toml", "--set", "b=2"});
  EXPECT_EQ(line.command, "gram");
  EXPECT_TRUE(line.verbose);
  EXPECT_EQ(line.overrides, (Words{"a=1", "b=2"}));
}

TEST(CommandLine, FilesAndFolders) {
  EXPECT_TRUE(parse_command_line({"inspect", "gram.h5", "--json"}).json);
  EXPECT_EQ(parse_command_line({"verify", "gram.h5"}).file, "gram.h5");
  EXPECT_EQ(parse_command_line({"report", "a", "b"}).folders, (Words{"a", "b"}));
  EXPECT_EQ(parse_command_line({"doctor"}).job_file, "");
  EXPECT_EQ(parse_command_line({"doctor", "job.toml"}).job_file, "job.toml");
}

TEST(CommandLine, HelpOfTheProgramAndOfEveryCommand) {
  EXPECT_TRUE(parse_command_line({}).help);
  for (const CommandSyntax& command : command_syntax()) {
    expect_part(*parse_command_line({"--help"}).help, "\n  " + command.name + " ");
    const std::string help = *parse_command_line({command.name, "--help"}).help;
    expect_part(help, command.summary);
    expect_part(help, command.example);
  }
  expect_part(*parse_command_line({"--help-job"}).help, "checkpoint_every");
  EXPECT_TRUE(parse_command_line({"--version"}).show_version);
}

TEST(CommandLine, WhatIsWrongIsNamed) {
  expect_part(message_of({"rnu", "job.toml"}), "unknown command 'rnu'; did you mean 'run'?");
  expect_part(message_of({"--set", "a=b", "rnu"}), "unknown command 'rnu'");
  expect_part(message_of({"run"}), "JOB.toml is required");
  expect_part(message_of({"run", "a.toml", "b.toml"}), "b.toml");
  expect_part(message_of({"run", "a.toml", "--wall", "3"}), "--wall");
  expect_part(message_of({"run", "a.toml", "--walltime", "soon"}), "--walltime soon: is no length of time");
  expect_part(message_of({"describe", "a.toml", "--walltime", "1h"}), "--walltime");
  expect_part(message_of({"run", "a.toml", "--set"}), "--set");
  expect_part(message_of({"run", "a.toml", "--quiet", "--verbose"}), "exclude each other");
  expect_part(message_of({"--quiet"}), "no command");
  expect_part(message_of({"inspect"}), "FILE is required");
}

TEST(CommandLine, StudiesTakeLists) {
  const ScaleOptions scale = parse_command_line({"scale", "a.toml", "--ranks", "4,1,2,1", "--sizes", "500",
                                                 "--weak", "100", "--point", "0", "--hold-out", "0.3"})
                                 .scale;
  EXPECT_EQ(scale.ranks, (std::vector<Index>{1, 2, 4}));
  EXPECT_EQ(scale.sizes, (std::vector<Index>{500}));
  EXPECT_EQ(scale.weak, 100);
  EXPECT_EQ(scale.point, 0);
  EXPECT_EQ(scale.hold_out, "0.3");
  const PlanOptions plan =
      parse_command_line({"plan", "a.toml", "--nodes", "4..64", "--size", "1000000"}).plan;
  EXPECT_EQ(plan.first_nodes, 4);
  EXPECT_EQ(plan.last_nodes, 64);
  EXPECT_EQ(plan.size, 1000000);
  EXPECT_EQ(parse_command_line({"plan", "a.toml", "--nodes", "7"}).plan.last_nodes, 7);
}

TEST(CommandLine, StudiesRefuseWhatIsNoList) {
  for (const char* ranks : {"1,,2", "0", "x", "", "1,", "1.5", "99999999999999999999"})
    expect_part(message_of({"scale", "a.toml", "--ranks", ranks}), "is no whole number between 1 and");
  expect_part(message_of({"scale", "a.toml", "--command", "describe"}), "--command");
  expect_part(message_of({"scale", "a.toml", "--hold-out", "1"}), "neither 'largest' nor a share");
  expect_part(message_of({"plan", "a.toml", "--nodes", "4..1"}), "runs backwards");
  expect_part(message_of({"plan", "a.toml", "--nodes", "1-4"}), "--nodes 1-4: is no whole number");
  expect_part(message_of({"plan", "a.toml", "--size", "1"}), "--size 1: is no whole number");
  expect_part(message_of({"run", "a.toml", "--ranks", "1"}), "--ranks");
}

TEST(CommandLine, OneCommandStartsTheRanksItself) {
  EXPECT_TRUE(launches_ranks({"scale", "a.toml"}));
  EXPECT_TRUE(launches_ranks({"--set", "output=scale", "scale", "a.toml"}));
  EXPECT_FALSE(launches_ranks({"--set", "scale", "run", "a.toml"}));
  EXPECT_FALSE(launches_ranks({"run", "scale"}));
  EXPECT_FALSE(launches_ranks({"--set"}));
  EXPECT_FALSE(launches_ranks({}));
}

}  // namespace
}  // namespace widegram::jobs
