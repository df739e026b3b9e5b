#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "jobs/dkm_plan.hpp"
#include "jobs/job_file.hpp"
#include "jobs/plan_table.hpp"
#include "src/base/error.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

Job job_of(const std::vector<std::string>& settings = {}) {
  return parse_job("data.train = 'x'\ndata.test = 'y'\nkernel.preset = 'dense'\n", "job.toml", settings);
}

Node made_up_node() {
  Node node;
  node.cores = 64;
  node.memory = {Index{256} << 30};
  node.dgemm_gflops = 40;
  node.sgemm_gflops = 80;
  node.memory_gb_s = 300;
  node.first_touch_gb_s = 4;
  node.network_gb_s = 25;
  node.network_latency_us = 2;
  node.file_gb_s = 20;
  node.half_rate_rows = 500;
  return node;
}

PlanSubject subject_of(const Job& job, GlobalIndex n, GlobalIndex m = 1000) {
  PlanSubject subject{.job = job, .outline = {.shape = {1, 28, 28}, .train_samples = n, .test_samples = m}};
  subject.kernel = {.shape = {1, 28, 28},
                    .flops_per_entry = 2000,
                    .flops_per_test_entry = 2000,
                    .bytes_per_sample = 4000,
                    .tile_bytes = 1e6};
  subject.tiles = {.train = 1e-4, .diagonal = 1e-4, .test = 1e-4, .sample = 1e-6};
  subject.node = made_up_node();
  return subject;
}

const PhaseCost& phase(const PlanPoint& point, const std::string& name) {
  const auto found = std::ranges::find(point.phases, name, &PhaseCost::name);
  if (found == point.phases.end()) throw std::runtime_error("no phase " + name);
  return *found;
}

TEST(Plan, IsTheArithmeticOfTheRunItself) {
  const Job job = job_of({"solve.method=cholesky"});
  const PlanSubject subject = subject_of(job, 20000);
  const PlanPoint point = plan_point(subject, 1, 6);
  const gram::Plan plan =
      gram::make_plan(gram::choose_layout(20000, 64, 6), 1000, *subject.kernel,
                      solver_bytes(job, {.gram = true, .solve = true, .predict = true}, subject.outline));
  EXPECT_EQ(point.memory_bytes(), plan.bytes.total());
  EXPECT_EQ(point.file_bytes, plan.file_bytes);
  EXPECT_EQ(point.imbalance, plan.imbalance);
  EXPECT_NEAR(
      phase(point, "assembly").computing + phase(point, "predict").computing,
      gram::assembly_seconds(plan, subject.tiles) + (plan.bytes.matrix + 3 * plan.bytes.prepared) / 4e9,
      1e-12);
  const double flops = 20000.0 * 20000 * 20000 / 3;
  EXPECT_NEAR(phase(plan_point(subject, 1, 1), "factorisation").computing, flops / (40e9 * 20000 / 20500),
              1e-9 * flops / 40e9);
  EXPECT_EQ(phase(plan_point(subject, 1, 1), "factorisation").communication, 0);
}

TEST(Plan, FourThousandRanksAreBalancedForSmallAndLargeSets) {
  const Job job = job_of();
  for (const GlobalIndex n : {50000, 1000000}) {
    const PlanPoint point = plan_point(subject_of(job, n), 64, 64);
    EXPECT_EQ(point.ranks, 4096);
    EXPECT_LE(point.imbalance, 1.05) << n;
    EXPECT_GE(point.imbalance, 1.0);
  }
}

TEST(Plan, MoreNodesAreFasterAndLessEfficient) {
  const Job job = job_of({"solve.method=cholesky", "gram.mode=stored"});
  const PlanSubject subject = subject_of(job, 100000);
  const PlanPoint few = plan_point(subject, 1, 64);
  const PlanPoint many = plan_point(subject, 16, 64);
  EXPECT_LT(many.seconds(), few.seconds());
  EXPECT_LT(many.efficiency, few.efficiency);
  EXPECT_LE(few.efficiency, 1.0);
  EXPECT_GT(many.core_hours(subject.node), few.core_hours(subject.node));
  EXPECT_LT(many.memory_bytes(), few.memory_bytes());
  EXPECT_NEAR(few.core_hours(subject.node), 64 * few.seconds() / 3600, 1e-12);
}

TEST(Plan, NamesWhatHoldsItUp) {
  const Job job = job_of({"solve.method=cholesky"});
  PlanSubject subject = subject_of(job, 60000);
  EXPECT_EQ(plan_point(subject, 1, 64).refused, "");
  subject.tiles.train = 1;
  EXPECT_EQ(plan_point(subject, 1, 64).bottleneck(), "assembly: computing");
  subject.tiles.train = 1e-6;
  subject.node.file_gb_s = 1e-3;
  EXPECT_EQ(plan_point(subject, 1, 64).bottleneck(), "writing: file system");
  subject.node.file_gb_s = 1000;
  subject.node.network_gb_s = 1e-3;
  EXPECT_EQ(plan_point(subject, 2, 64).bottleneck(), "factorisation: communication");
  subject.node.memory = {Index{1} << 30};
  const PlanPoint point = plan_point(subject, 1, 64);
  EXPECT_EQ(point.bottleneck(), "memory");
  EXPECT_NE(point.refused.find("a rank may use 15.1 MB"), std::string::npos) << point.refused;
}

TEST(Plan, KnowsTheLimitOfScalapack) {
  const Job job = job_of({"solve.method=cholesky"});
  PlanSubject subject = subject_of(job, 100000);
  subject.node.memory = {Index{1} << 42};
  EXPECT_NE(plan_point(subject, 1, 4).refused.find("ScaLAPACK"), std::string::npos);
  EXPECT_EQ(plan_point(subject, 1, 8).refused, "");
}

TEST(Plan, CountsNodesInPowersOfTwo) {
  EXPECT_EQ(node_counts(1, 1), (std::vector<Index>{1}));
  EXPECT_EQ(node_counts(1, 6), (std::vector<Index>{1, 2, 4, 6}));
  EXPECT_EQ(node_counts(3, 12), (std::vector<Index>{3, 6, 12}));
}

TEST(Plan, ADeepKernelMachineHasItsOwnPlan) {
  const Job job = parse_job("data.train = 'x'\n[dkm]\nkernel = 'arccos'\nmax_iterations = 20\n", "job.toml");
  PlanSubject subject = subject_of(job, 2000, 0);
  subject.kernel.reset();
  const PlanPoint point = plan_point(subject, 1, 4);
  EXPECT_EQ(phase(point, "dkm").steps, 20);
  EXPECT_GT(point.memory_bytes(), 0);
  EXPECT_GT(point.efficiency, 0.1);
  const DkmPlan plan = make_dkm_plan(job.dkm, 2000, 28 * 28, dist::GridShape{1, 1});
  const double seconds = phase(plan_point(subject, 1, 1), "dkm").computing;
  EXPECT_NEAR(seconds, 20 * plan.flops / (40e9 * 2000 / 2500), 1e-9 * seconds);
}

class NodeFile : public testing::Test {
 protected:
  std::string write(const std::string& text) const {
    const std::string path = folder_ / "node.toml";
    std::ofstream(path) << text;
    return path;
  }
  std::string message_of(const std::string& text) const {
    Node node = made_up_node();
    try {
      read_node(write(text), node);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
    return "accepted";
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  test::TempDir folder_{comm_};
};

TEST_F(NodeFile, ReplacesWhatItGivesAndMarksTheRest) {
  Node node = made_up_node();
  for (const char* name : {"cores", "memory_gb_s"}) node.origin[name] = "measured";
  read_node(write("cores = 128\nmemory = '512GiB'\ndgemm_gflops = 30\n"), node);
  EXPECT_EQ(node.name, "node");
  EXPECT_EQ(node.cores, 128);
  EXPECT_EQ(node.memory.value, Index{512} << 30);
  EXPECT_EQ(node.sgemm_gflops, 60);
  EXPECT_EQ(node.memory_gb_s, 300);
  EXPECT_EQ(node.origin.at("cores"), "given");
  EXPECT_EQ(node.origin.at("memory_gb_s"), "assumed");
}

TEST_F(NodeFile, NamesWhatIsWrong) {
  EXPECT_NE(message_of("core = 4\n").find("node.toml:1"), std::string::npos);
  EXPECT_NE(message_of("core = 4\n").find("cores"), std::string::npos);
  EXPECT_NE(message_of("cores = 0\n").find("out of range"), std::string::npos);
  EXPECT_NE(message_of("cores = 4\nmemory = '8GiB'\n").find("dgemm_gflops is missing"), std::string::npos);
  EXPECT_NE(message_of("cores = \n").find("not TOML"), std::string::npos);
}

TEST(PlanErrors, ComeFromPointsThatCount) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const Job job = job_of({"solve.method=cholesky"});
  const PlanSubject subject = subject_of(job, 1000);
  const double planned = phase(plan_point(subject, 1, 2), "assembly").seconds();
  const double whole = plan_point(subject, 1, 2).seconds();
  const auto point = [&](Index finished, bool over, double seconds) {
    return Json{{"finished", finished},
                {"oversubscribed", over},
                {"n", 1000},
                {"ranks", 2},
                {"phases",
                 {{"assembly", {{"step_seconds", seconds}}},
                  {"cg", {{"step_seconds", 1.0}}},
                  {"total", {{"step_seconds", whole / 2}}}}}};
  };
  const std::string path = folder / "scaling.json";
  std::ofstream(path) << Json{
      {"points",
       {point(3, false, planned), point(3, false, planned / 1.5), point(0, false, 9), point(3, true, 9)}}};
  const std::vector<PlanError> errors = compare_with_points(subject, path);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[1].phase, "total");
  EXPECT_NEAR(errors[1].most, 1, 1e-9);
  EXPECT_EQ(errors[0].phase, "assembly");
  EXPECT_EQ(errors[0].points, 2);
  EXPECT_NEAR(errors[0].most, 0.5, 1e-9);
  EXPECT_NEAR(errors[0].median, 0.25, 1e-9);
  EXPECT_EQ(to_json(subject, {}, errors)["errors"][0]["phase"], "assembly");

  std::ofstream(path) << "{}";
  EXPECT_THROW(compare_with_points(subject, path), Error);
  EXPECT_THROW(compare_with_points(subject, folder / "none.json"), Error);
}

}  // namespace
}  // namespace widegram::jobs
