// What a scaling study makes of the metrics of its runs; tests/jobs/scaling.sh starts real ones.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "jobs/child_process.hpp"
#include "jobs/scale_model.hpp"
#include "jobs/scale_points.hpp"
#include "jobs/scale_report.hpp"
#include "src/base/error.hpp"
#include "src/base/random.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> folders(const ScaleOptions& options, Index processors) {
  std::vector<std::string> names;
  for (const ScalePoint& point : scale_points(options, processors)) names.push_back(point.folder());
  return names;
}

TEST(ScalePoints, GoUpToTheProcessorsOnTheJobsOwnSet) {
  EXPECT_EQ(folders({}, 6), (std::vector<std::string>{"r1-all", "r2-all", "r4-all"}));
}

TEST(ScalePoints, WeakOnesKeepTheEntriesOfARankAndMeetStrongOnes) {
  const ScaleOptions options{.ranks = {1, 4}, .sizes = {100, 200}, .weak = 100};
  EXPECT_EQ(folders(options, 1), (std::vector<std::string>{"r1-n100", "r4-n100", "r1-n200", "r4-n200"}));
  const std::vector<ScalePoint> points = scale_points(options, 1);
  EXPECT_TRUE(points[0].strong && points[0].weak);
  EXPECT_TRUE(points[1].strong && !points[1].weak);
  EXPECT_TRUE(points[3].strong && points[3].weak);
  EXPECT_EQ(folders({.ranks = {2}, .weak = 100}, 1), (std::vector<std::string>{"r2-n141"}));
}

TEST(ScalePoints, CutTheTrainingSetWhereItsSliceBegins) {
  EXPECT_EQ(cut_to("digits:train", 50), "digits:train[0:50]");
  EXPECT_EQ(cut_to("digits:train[:20]", 50), "digits:train[0:50]");
  EXPECT_EQ(cut_to("a[1].h5[10:20]", 5), "a[1].h5[10:15]");
  EXPECT_THROW(cut_to("digits:train[-20:]", 5), Error);
}

/// A run's metrics.json with phases of the given seconds.
Json metrics(Index n, double assembly, double cg) {
  return {{"data", {{"train_samples", n}, {"test_samples", 7}}},
          {"gram", {{"entries", n * (n + 1) / 2}}},
          {"solve", {{"iterations", 10}}},
          {"seconds", assembly + cg},
          {"phases",
           {{"assembly",
             {{"seconds", assembly},
              {"mpi_seconds", {{"min", assembly / 10}, {"mean", assembly / 4}, {"max", assembly}}}}},
            {"cg", {{"seconds", cg}, {"mpi_seconds", {{"min", 0.0}, {"mean", 0.0}, {"max", 0.0}}}}}}}};
}

void write(const fs::path& path, const Json& json) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << json.dump();
}

TEST(ScaleMeasure, TakesTheMedianOfWhatIsWhole) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  for (int k = 1; k <= 3; ++k)
    write(folder / ("k" + std::to_string(k) + "/metrics.json"), metrics(40, k == 2 ? 9.0 : k, 5));
  Json stopped = metrics(40, 100, 100);
  stopped["stopped"] = "signal USR1";
  write(folder / "k4/metrics.json", stopped);
  write(folder / "k5/metrics.json", metrics(40, 100, 100));

  const MeasuredPoint point = measure_point(folder.path(), {.ranks = 3, .n = 40}, 2);
  EXPECT_EQ(point.finished, 3);
  EXPECT_TRUE(point.oversubscribed);
  EXPECT_FALSE(point.counts());
  EXPECT_EQ(point.m, 7);
  const PhaseTime& assembly = point.phases.at("assembly");
  EXPECT_EQ(assembly.seconds, 3);
  EXPECT_EQ(assembly.work, 820);
  EXPECT_NEAR(assembly.communication, 0.1, 1e-12);
  EXPECT_NEAR(assembly.imbalance, 0.15, 1e-12);
  EXPECT_EQ(point.phases.at("cg").step_seconds(), 0.5);
  EXPECT_EQ(point.phases.at("total").seconds, 8);
}

TEST(ScaleMeasure, APointWithoutRunsTellsWhyWhereItKnows) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  EXPECT_EQ(measure_point(folder / "nowhere", {}, 2).finished, 0);
  write(folder / "failure.json", {{"exit_code", 4}, {"message", "not positive definite"}});
  const MeasuredPoint point = measure_point(folder.path(), {.ranks = 2, .n = 40}, 2);
  ASSERT_TRUE(point.failure);
  EXPECT_EQ(point.failure->exit_code, 4);
  EXPECT_FALSE(point.counts());
}

using Law = std::function<double(double n, double ranks)>;

/// Points whose assembly takes what the law says.
std::vector<MeasuredPoint> made_up(const std::vector<Index>& sizes, const std::vector<Index>& ranks,
                                   const Law& law, Index processors = 64) {
  std::vector<MeasuredPoint> points;
  for (const Index n : sizes)
    for (const Index r : ranks) {
      MeasuredPoint point{.point = {.ranks = r, .n = n, .strong = true},
                          .oversubscribed = r > processors,
                          .finished = 1,
                          .n = n};
      const auto size = static_cast<double>(n);
      point.phases["factorisation"] = {.seconds = law(size, static_cast<double>(r)),
                                       .work = size * size * size / 3};
      points.push_back(point);
    }
  return points;
}

double exact(double n, double ranks) {
  return 2e-11 * n * n * n / ranks + 3e-9 * n * n / std::sqrt(ranks) + 1e-3;
}

const PhaseModel& only(const std::vector<PhaseModel>& models) {
  EXPECT_EQ(models.size(), 1U);
  return models.front();
}

TEST(ScaleModel, TheWholeTimeIsTheSumOfThePhasesAndOfWhatIsBetweenThem) {
  std::vector<MeasuredPoint> points = made_up({1000, 2000, 4000, 8000}, {1, 2, 4}, exact);
  for (MeasuredPoint& point : points) {
    const double entries = static_cast<double>(point.n * point.n) / static_cast<double>(point.point.ranks);
    point.phases["cg"] = {.seconds = 10 * 1e-7 * entries, .steps = 10};
    point.phases["total"] = {.seconds = point.phases["factorisation"].seconds + point.phases["cg"].seconds +
                                        4e-9 * entries + 0.25};
  }
  const auto models = fit_models(points, "largest");
  ASSERT_EQ(models.size(), 4U);
  EXPECT_EQ(models.at(2).phase, "other");
  EXPECT_NEAR(models.at(2).terms.front().coefficient, 4e-9, 1e-15);
  EXPECT_NEAR(models.at(2).terms.back().coefficient, 0.25, 1e-9);
  const PhaseModel& total = models.back();
  EXPECT_EQ(total.phase, "total");
  EXPECT_EQ(total.residuals.size(), 12U);
  EXPECT_TRUE(total.has_held_out());
  EXPECT_LT(total.largest_error(true), 0.01);
  EXPECT_EQ(total.residuals.front().measured, points.front().phases.at("total").seconds);
}

TEST(ScaleModel, FindsTheLawThatMadeTheData) {
  const auto models = fit_models(made_up({1000, 2000, 4000, 8000}, {1, 2, 4}, exact), "largest");
  const PhaseModel& model = only(models);
  EXPECT_NEAR(model.terms[0].coefficient, 2e-11, 1e-17);
  EXPECT_NEAR(model.terms[1].coefficient, 3e-9, 1e-14);
  EXPECT_TRUE(model.has_held_out());
  EXPECT_EQ(model.residuals.size(), 12U);
  EXPECT_LT(model.largest_error(false), 1e-6);
  EXPECT_LT(model.largest_error(true), 1e-6);
}

TEST(ScaleModel, NoiseStaysNoise) {
  const CounterRandom random(1, 2);
  std::uint64_t position = 0;
  const auto models = fit_models(made_up({1000, 1500, 2000, 3000, 4000, 6000}, {1, 2, 4, 8},
                                         [&](double n, double ranks) {
                                           return exact(n, ranks) * (1 + 0.05 * random.normal(position++));
                                         }),
                                 "0.25");
  const PhaseModel& model = only(models);
  EXPECT_EQ(std::ranges::count(model.residuals, true, &Residual::held_out), 6);
  EXPECT_LT(model.median_error(true), 0.1);
  EXPECT_GT(model.median_error(true), 0);
  for (const ModelTerm& term : model.terms) EXPECT_GE(term.coefficient, 0) << term.name;
}

TEST(ScaleModel, LeavesOutWhatIsOversubscribed) {
  // Beyond four processors the times are nonsense.
  const auto law = [](double n, double ranks) { return ranks > 4 ? 1e6 : exact(n, ranks); };
  const auto models = fit_models(made_up({1000, 2000, 4000, 8000}, {1, 2, 4, 8}, law, 4), "largest");
  EXPECT_EQ(only(models).residuals.size(), 12U);
  EXPECT_LT(only(models).largest_error(true), 1e-6);
}

TEST(ScaleModel, SaysWhyNothingIsHeldOut) {
  const auto models = fit_models(made_up({1000, 2000}, {1, 2}, exact), "largest");
  EXPECT_FALSE(only(models).has_held_out());
  EXPECT_EQ(only(models).remark, "fewer than three sizes: the largest was not held out");
  EXPECT_TRUE(fit_models(made_up({1000}, {1}, exact), "largest").empty());
}

TEST(ScaleEfficiency, IsAgainstTheFewestRanksAndNotOfOversubscribedPoints) {
  std::vector<MeasuredPoint> points = made_up(
      {1000}, {1, 2, 8}, [](double, double ranks) { return ranks == 2 ? 0.6 : 1.0; }, 2);
  for (MeasuredPoint& point : points) point.point.weak = true;
  add_efficiencies(points);
  EXPECT_NEAR(*points[1].phases.at("factorisation").strong_efficiency, 1 / 1.2, 1e-12);
  EXPECT_NEAR(*points[1].phases.at("factorisation").weak_efficiency, 1 / 1.2, 1e-12);
  EXPECT_FALSE(points[2].phases.at("factorisation").strong_efficiency);
  for (MeasuredPoint& point : points) point.phases["total"].seconds = point.phases["factorisation"].seconds;
  const ScaleReport report{
      .name = "made up", .command = "run", .processors = 2, .options = {}, .points = points, .models = {}};
  const Json json = to_json(report);
  EXPECT_TRUE(json["points"][2]["oversubscribed"]);
  EXPECT_FALSE(json["points"][2]["phases"]["factorisation"].contains("strong_efficiency"));
  EXPECT_NE(to_csv(report).find("\n8,1000,0,1,1,1,1,factorisation,1,1,3.33333e+08,0.0000,0.0000,,\n"),
            std::string::npos)
      << to_csv(report);
}

TEST(ChildProcess, TellsHowItEndedAndWhatItSaid) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const fs::path log = folder / "log";
  EXPECT_EQ(
      run_child({"sh", "-c", "echo first; echo 'widegram: error: no such set' >&2; echo ----; exit 3"}, log),
      3);
  EXPECT_EQ(last_word(log), "error: no such set");
  EXPECT_EQ(run_child({"sh", "-c", "echo said; kill -9 $$"}, log), 128 + 9);
  EXPECT_EQ(last_word(log), "said");
  EXPECT_THROW(run_child({folder / "no-such-program"}, log), Error);
}

TEST(ChildProcess, AFileHasOneHolder) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  {
    const FileLock first(folder / "lock", FileLock::Wait::no);
    EXPECT_TRUE(first.held());
    EXPECT_FALSE(FileLock(folder / "lock", FileLock::Wait::no).held());
  }
  EXPECT_TRUE(FileLock(folder / "lock", FileLock::Wait::yes).held());
  fs::create_symlink("/tmp/elsewhere", folder / "link");
  EXPECT_THROW(FileLock(folder / "link", FileLock::Wait::no), Error);
}

}  // namespace
}  // namespace widegram::jobs
