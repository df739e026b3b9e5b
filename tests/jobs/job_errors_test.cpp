// A job that is wrong: one message that names the place, the key and the way out.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "jobs/job_file.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

/// Two lines that make a job whole; what a test adds starts on line 3.
constexpr const char* whole = "data.train = 'digits'\nkernel.preset = 'dense'\n";

std::string message_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_job(text, "job.toml", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
    return error.what();
  }
  return "accepted";
}

std::string message_of_line(const std::string& line) { return message_of(whole + line + "\n"); }

void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

TEST(JobErrors, NotToml) { expect_parts(message_of("a = [1\n"), {"job.toml:", "not TOML"}); }

TEST(JobErrors, UnknownKeys) {
  expect_parts(message_of_line("solve.rigde = 1.0"),
               {"job.toml:3", "'solve.rigde'", "did you mean 'ridge'?"});
  expect_parts(message_of_line("[gran]\ntile = 3"), {"job.toml:3", "'gran'", "did you mean 'gram'?"});
  expect_parts(message_of_line("gram.zzzzzzzzzzzz = 1"), {"job.toml:3", "known here: ", "tile"});
}

TEST(JobErrors, WrongTypes) {
  expect_parts(message_of_line("gram.tile = \"big\""),
               {"job.toml:3", "gram.tile must be an integer", "the string \"big\""});
  expect_parts(message_of_line("solve.ridge = true"),
               {"job.toml:3", "solve.ridge must be a number", "the boolean true"});
  expect_parts(message_of_line("data.preprocess = \"center\""), {"job.toml:3", "a list of strings"});
  expect_parts(message_of_line("data.preprocess = [\"center\", 3]"),
               {"job.toml:3", "data.preprocess[1] must be a string"});
  expect_parts(message_of_line("solve = 3"), {"job.toml:3", "solve must be a table", "the integer 3"});
  expect_parts(message_of_line("gram.checkpoint_every = 60"),
               {"gram.checkpoint_every must be a time", "the integer 60"});
  expect_parts(message_of_line("gram.memory_limit = \"1 gib\""),
               {"gram.memory_limit must be a size", "1 gib"});
  expect_parts(message_of_line("name = 2024-01-01"), {"name must be a string", "2024-01-01"});
}

TEST(JobErrors, OutOfRange) {
  expect_parts(message_of_line("gram.tile = 0"), {"job.toml:3", "gram.tile = 0", "at least 8"});
  expect_parts(message_of_line("gram.tile = 60"), {"gram.tile = 60", "a multiple of 8"});
  expect_parts(message_of_line("solve.ridge = -1"), {"solve.ridge", "at least 0"});
  expect_parts(message_of_line("solve.ridge = nan"), {"solve.ridge must be a finite number"});
  expect_parts(message_of_line("solve.tolerance = 0.0"), {"solve.tolerance", "greater than 0"});
  expect_parts(message_of_line("gram.checkpoint_every = \"0s\""),
               {"gram.checkpoint_every", "greater than 0"});
}

TEST(JobErrors, UnknownNames) {
  expect_parts(message_of_line("kernel.function = \"ntkk\""),
               {"job.toml:3", "nngp | ntk", "did you mean 'ntk'?"});
  expect_parts(message_of_line("data.preprocess = [\"standardise\"]"),
               {"job.toml:3", "standardise", "standardize"});
  expect_parts(message_of("data.train = 'd'\nkernel.preset = 'dens'\n"), {"job.toml:2", "dens", "dense"});
  expect_parts(message_of("data.train = 'd'\nkernel.preset = 'myrtle5'\nkernel.depth = 3\n"),
               {"job.toml:2", "myrtle5", "depth"});
  expect_parts(message_of_line("kernel.activation = \"rellu\""), {"job.toml:3", "rellu", "relu"});
}

TEST(JobErrors, MissingAndContradictory) {
  expect_parts(message_of("kernel.preset = 'dense'\n"), {"job.toml", "data.train is missing"});
  expect_parts(message_of("data.train = 'digits'\n"),
               {"job.toml", "kernel.preset or kernel.layers is missing"});
  expect_parts(message_of_line("kernel.layers = [{ op = \"dense\" }]"),
               {"job.toml:2", "kernel.preset and kernel.layers"});
  expect_parts(message_of("data.train = 'd'\nkernel.layers = [{ op = \"dense\" }]\nkernel.depth = 3\n"),
               {"job.toml:3", "kernel.depth", "belongs to a preset"});
  expect_parts(message_of_line("solve.ridge = 1.0\nsolve.ridge_absolute = 1.0"),
               {"job.toml:4", "both given"});
}

TEST(JobErrors, KeysThatDoNotCountAreNamedAndRefused) {
  expect_parts(message_of_line("dkm.likelihood = \"categorical\""), {"job.toml:3", "needs inducing points"});
  expect_parts(message_of_line("dkm.epochs = 3"), {"job.toml:3", "dkm.epochs belongs to dkm.optimizer"});
}

TEST(JobErrors, DeepKernelMachinesWithoutBound) {
  const auto layers = [](const std::string& list) {
    return message_of_line("dkm.kind = \"convolutional\"\ndkm.layers = [" + list + "]");
  };
  const std::string inner =
      "{ op = \"repeat\", times = 5000, layers = [{ op = \"relu\" }, { op = \"gram\" }] }";
  expect_parts(layers("{ op = \"repeat\", times = 5000, layers = [" + inner + "] }"),
               {"job.toml:4", "dkm.layers[0]", "makes 50000000 layers"});
  expect_parts(
      layers("{ op = \"repeat\", times = 3, layers = [{ op = \"residual\", layers = [" + inner + "] }] }"),
      {"job.toml:4", "dkm.layers[0]", "makes 30003 layers"});
  expect_parts(message_of_line("dkm.kind = \"sparse\"\ndkm.likelihood = \"categorical\"\n"
                               "dkm.samples = 9223372036854775807"),
               {"job.toml:5", "dkm.samples", "at most 1000000"});
  expect_parts(message_of_line("dkm.max_iterations = 99999999999"), {"job.toml:3", "at most 1000000000"});
  expect_parts(message_of_line("dkm.nu = 1e308"), {"job.toml:3", "dkm.nu", "at most 1e+30"});
}

TEST(JobErrors, Solving) {
  expect_parts(message_of_line("solve.precision = \"mixt\""), {"job.toml:3", "float64 | mixed"});
  expect_parts(message_of_line("solve.selection = \"loo\""), {"job.toml:3", "picks from solve.ridges"});
  expect_parts(message_of_line("solve.ridges = []"), {"job.toml:3", "solve.ridges", "is empty"});
  expect_parts(message_of_line("solve.ridges = [1e-3, -1.0]"), {"solve.ridges[1]", "must be at least 0"});
  expect_parts(message_of_line("solve.ridges = [1e-3]\nsolve.ridge = 1e-3"),
               {"solve.ridges", "solve.ridge are both given"});
  expect_parts(message_of_line("solve.ridges = [1e-3]\nsolve.holdout = 0.3"),
               {"job.toml:4", "belongs to solve.selection"});
  expect_parts(message_of_line("gram.mode = \"storred\""), {"job.toml:3", "did you mean 'stored'?"});
  expect_parts(message_of_line("solve.evidence = \"yes\""),
               {"job.toml:3", "solve.evidence", "true or false"});
  expect_parts(message_of_line("predict.variance = 1"), {"job.toml:3", "predict.variance", "true or false"});
  expect_parts(message_of_line("solve.preconditioner_rank = 0"), {"job.toml:3", "at least 1"});
}

TEST(JobErrors, SettingAKeyTakesThoseAwayThatItExcludes) {
  const std::string file = "data.train = 'd'\nkernel.preset = 'dense'\nsolve.ridge = 1e-3\n";
  const auto with = [&](const std::string& setting) {
    return parse_job(file, "job.toml", std::vector{setting});
  };
  const Job several = with("solve.ridges=[1e-3, 1e-2]");
  EXPECT_EQ(several.solve.ridges, (std::vector<double>{1e-3, 1e-2}));
  EXPECT_EQ(with("solve.ridge_absolute=0.5").solve.ridge_absolute, 0.5);
  const Job own = with("kernel.layers=[{ op = 'dense' }]");
  EXPECT_EQ(own.kernel.preset, "");
}

TEST(JobErrors, Sharing) {
  expect_parts(message_of_line("data.augment = \"flop\""),
               {"job.toml:3", "none | flip", "did you mean 'flip'?"});
  expect_parts(message_of_line("data.augment = true"), {"data.augment must be one of none | flip"});
  expect_parts(message_of_line("kernel.both = \"yes\""), {"job.toml:3", "kernel.both must be true or false"});
  expect_parts(message_of_line("kernel.depths = 3"), {"kernel.depths must be a list of integers"});
  expect_parts(message_of_line("kernel.depths = [3, 2.5]"), {"kernel.depths[1] must be an integer"});
  expect_parts(message_of_line("kernel.depths = [3, 0]"), {"kernel.depths[1] = 0", "at least 1"});
  expect_parts(message_of_line("kernel.depths = [3, 5, 3]"), {"job.toml:3", "kernel.depths[2] = 3", "twice"});
  expect_parts(message_of_line("kernel.depths = [3, 5]\nkernel.depth = 4"),
               {"job.toml:4", "kernel.depth = 4", "kernel.depths = [3, 5]"});
  expect_parts(message_of("data.train = 'd'\nkernel.preset = 'myrtle5'\nkernel.depths = [3]\n"),
               {"job.toml:3", "kernel.depths", "'myrtle5' takes no depth"});
  expect_parts(message_of("data.train = 'd'\nkernel.preset = 'dens'\nkernel.depths = [3]\n"),
               {"job.toml:2", "dens", "dense"});
  expect_parts(message_of("data.train = 'd'\nkernel.layers = [{ op = \"dense\" }]\nkernel.depths = [3]\n"),
               {"job.toml:3", "kernel.depths", "belongs to a preset"});
  expect_parts(message_of_line("kernel.depths = []\nkernel.both = false\ndata.augment = \"none\""),
               {"accepted"});
}

TEST(JobErrors, Set) {
  expect_parts(message_of(whole, {"solve.rigde=1"}), {"--set solve.rigde=1: ", "did you mean 'ridge'?"});
  expect_parts(message_of(whole, {"gram.tile=big"}), {"--set gram.tile=big: ", "must be an integer"});
  expect_parts(message_of(whole, {"solve.ridge"}), {"--set solve.ridge: ", "table.key=value"});
  expect_parts(message_of(whole, {"=3"}), {"--set =3: ", "table.key=value"});
  expect_parts(message_of(whole, {"a b=3"}), {"--set a b=3: "});
  expect_parts(message_of(whole, {"data.preprocess=[center"}), {"--set data.preprocess=[center: "});
  expect_parts(message_of(whole, {"data.train.x=3"}), {"--set data.train.x=3: ", "not a table"});
  expect_parts(message_of(whole, {"kernel.preset=dens"}), {"--set kernel.preset=dens: ", "dense"});
}

TEST(JobErrors, Petsc) {
  expect_parts(message_of_line("petsc.-ksp_monitor = true"), {"job.toml:3", "without its dash"});
  expect_parts(message_of_line("petsc.ksp = { monitor = true }"), {"job.toml:3", "PETSc option's value"});
}

}  // namespace
}  // namespace widegram::jobs
