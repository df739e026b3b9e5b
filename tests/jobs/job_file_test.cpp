#include "jobs/job_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "jobs/gram_family.hpp"
#include "src/kernels/canonical.hpp"
#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

constexpr const char* whole_job = R"toml(
name   = "fashion"
output = "runs/fashion"

[data]
train      = "fashion-mnist:train[:5000]"
test       = "fashion-mnist:test[:1000]"
format     = "idx"
labels     = "labels.gz"
test_labels = "test-labels.gz"
targets    = "classes"
encoding   = "one-hot"
features   = 784
preprocess = ["scale(0.5)", "standardize", "zca(0.1)"]
augment    = "flip"

[kernel]
function        = "nngp"
precision       = "float64"
preset          = "cntk-gap"
depth           = 7
depths          = [7, 9]
both            = true
weight_variance = 1.75
bias_variance   = 0.25
activation      = { op = "leaky_relu", slope = 0.1 }

[gram]
tile             = 32
checkpoint_every = "5min"
mode             = "stored"
memory_limit     = "512MiB"

[solve]
method         = "cg"
ridge_absolute = 0.125
tolerance      = 1e-6
max_iterations = 77
precision      = "float64"
preconditioner = "none"
evidence       = true

[predict]
variance = true

[petsc]
ksp_monitor = true
ksp_rtol    = 1e-3
log_view    = ":runs/petsc.log"
vec_cuda    = false
sizes       = [1, 2]
)toml";

constexpr const char* small_job = "data.train = 'digits'\nkernel.preset = 'dense'\n";

TEST(JobFile, EveryKeyIsRead) {
  const Job job = parse_job(whole_job, "job.toml");
  EXPECT_EQ(job.name, "fashion");
  EXPECT_EQ(job.output, "runs/fashion");
  EXPECT_EQ(job.data.train, "fashion-mnist:train[:5000]");
  EXPECT_EQ(job.data.test, "fashion-mnist:test[:1000]");
  EXPECT_EQ(job.data.format, "idx");
  EXPECT_EQ(job.data.labels, "labels.gz");
  EXPECT_EQ(job.data.test_labels, "test-labels.gz");
  EXPECT_EQ(job.data.targets, io::Targets::classes);
  EXPECT_EQ(job.data.encoding, io::Encoding::one_hot);
  EXPECT_EQ(job.data.features, 784);
  EXPECT_EQ(job.data.preprocess,
            (std::vector<io::Step>{
                {io::Step::Kind::scale, 0.5}, {io::Step::Kind::standardize, 0}, {io::Step::Kind::zca, 0.1}}));
  EXPECT_EQ(job.data.augment, Augment::flip);
  EXPECT_EQ(job.kernel.function, kernels::Function::nngp);
  EXPECT_TRUE(job.kernel.both);
  EXPECT_EQ(job.kernel.depths, (std::vector<Index>{7, 9}));
  EXPECT_EQ(job.kernel.precision, io::Precision::float64);
  EXPECT_EQ(kernels::canonical(job.kernel.network),
            kernels::canonical(kernels::preset("cntk-gap", {.depth = 7,
                                                            .weight_variance = 1.75,
                                                            .bias_variance = 0.25,
                                                            .activation = kernels::AbRelu{0.1, 1.0}})));
  EXPECT_EQ(job.gram.tile, 32);
  EXPECT_EQ(job.gram.checkpoint_every, Seconds{300});
  EXPECT_EQ(job.gram.memory_limit, Bytes{Index{512} << 20});
  EXPECT_EQ(job.solve.method, Method::cg);
  EXPECT_EQ(job.solve.ridge_absolute, 0.125);
  EXPECT_EQ(job.solve.tolerance, 1e-6);
  EXPECT_EQ(job.solve.max_iterations, 77);
  EXPECT_TRUE(job.solve.evidence);
  EXPECT_TRUE(job.predict.variance);
  std::string petsc;
  for (const PetscOption& option : job.petsc) petsc += "-" + option.name + " " + option.value + ";";
  EXPECT_EQ(petsc, "-ksp_monitor ;-ksp_rtol 0.001;-log_view :runs/petsc.log;-sizes 1,2;-vec_cuda false;");
}

TEST(JobFile, DepthsAndFunctionsOfOnePass) {
  const auto kernel_of = [](const std::string& lines) {
    return parse_job(std::string(small_job) + lines, "job.toml").kernel;
  };
  const auto files_of = [](const KernelSection& kernel) { return gram_family(kernel).files(); };
  using Names = std::vector<std::string>;
  EXPECT_EQ(files_of(kernel_of("")), Names{"gram.h5"});
  EXPECT_EQ(files_of(kernel_of("kernel.both = true\nkernel.function = 'nngp'\n")),
            (Names{"gram.h5", "gram-ntk.h5"}));

  // Without a depth the last one is the job's own.
  const KernelSection last = kernel_of("kernel.depths = [3, 10, 5]\n");
  EXPECT_EQ(last.depth, 5);
  EXPECT_EQ(kernels::canonical(last.network), kernels::canonical(kernels::preset("dense", {.depth = 5})));
  EXPECT_EQ(files_of(last), (Names{"gram.h5", "gram-depth3.h5", "gram-depth10.h5"}));

  const KernelSection named = kernel_of("kernel.depths = [3, 10]\nkernel.depth = 3\nkernel.both = true\n");
  const GramFamily family = gram_family(named);
  EXPECT_EQ(family.files(), (Names{"gram.h5", "gram-nngp.h5", "gram-depth10.h5", "gram-depth10-nngp.h5"}));
  ASSERT_EQ(family.networks.size(), 2U);
  for (const FamilyMember& member : family.members) {
    const bool deep = member.file.find("10") != std::string::npos;
    EXPECT_EQ(kernels::canonical(family.networks[static_cast<std::size_t>(member.choice.network)]),
              kernels::canonical(kernels::preset("dense", {.depth = deep ? 10 : 3})));
    EXPECT_EQ(member.choice.function == kernels::Function::nngp,
              member.file.find("nngp") != std::string::npos);
  }
}

TEST(JobFile, DefaultsAreThoseOfTheContract) {
  const Job job = parse_job(small_job, "folder/little.toml");
  EXPECT_EQ(job.name, "little");
  EXPECT_EQ(job.output, "runs/little");
  EXPECT_EQ(job.data.test, "");
  EXPECT_TRUE(job.data.preprocess.empty());
  EXPECT_EQ(job.data.features, 0);
  EXPECT_EQ(job.kernel.function, kernels::Function::ntk);
  EXPECT_EQ(job.kernel.precision, io::Precision::float32);
  EXPECT_EQ(job.gram.tile, 64);
  EXPECT_EQ(job.gram.checkpoint_every, Seconds{60});
  EXPECT_EQ(job.solve.method, Method::automatic);
  EXPECT_EQ(job.solve.ridge, 1e-4);
  EXPECT_FALSE(job.solve.ridge_absolute);
  EXPECT_EQ(job.solve.tolerance, 1e-8);
}

TEST(JobFile, TheResolvedJobIsTheSameJob) {
  const std::string shared =
      std::string(small_job) + "data.augment = 'flip'\nkernel.both = true\nkernel.depths = [3, 5]\n";
  for (const std::string& text : {std::string(whole_job), std::string(small_job), shared}) {
    const std::string resolved = to_toml(parse_job(text, "job.toml"));
    const Job again = parse_job(resolved, "other.toml");
    EXPECT_EQ(to_toml(again), resolved);
  }
  const std::string resolved = to_toml(parse_job(shared, "job.toml"));
  for (const char* line : {"augment = \"flip\"\n", "both = true\n", "depths = [3, 5]\n", "depth = 5\n"})
    EXPECT_NE(resolved.find(line), std::string::npos) << line;
}

TEST(JobFile, TheResolvedJobKeepsLayersWithTheirDefaults) {
  const Job job = parse_job(R"(
data.train = "digits"
kernel.layers = [ { op = "conv", padding = "circular" }, { op = "leaky_relu" }, { op = "avgpool", size = 3 },
  { op = "residual", layers = [ { op = "conv" }, { op = "polynomial", coefficients = [0, 1, 0.1] } ] },
  { op = "flatten" }, { op = "dense" } ]
)",
                            "job.toml");
  const std::string resolved = to_toml(job);
  const Job again = parse_job(resolved, "job.toml");
  EXPECT_EQ(kernels::canonical(again.kernel.network), kernels::canonical(job.kernel.network));
  EXPECT_EQ(to_toml(again), resolved);
  EXPECT_NE(
      resolved.find(
          R"({ op = "conv", size = 3, stride = 1, padding = "circular", weight_variance = 1.0, bias_variance = 0.0 })"),
      std::string::npos);
  EXPECT_NE(resolved.find(R"({ op = "leaky_relu", slope = 0.01 })"), std::string::npos);
}

TEST(JobFile, SetReplacesAndAdds) {
  const Job job = parse_job(
      whole_job, "job.toml",
      std::vector<std::string>{"solve.tolerance=1e-3", "output=runs/a b", "data.preprocess=[\"center\"]",
                               "gram.checkpoint_every=90s", "kernel.activation=erf",
                               "data.train=fashion-mnist:train[:20]", "petsc.ksp_type=\"cg\"",
                               "kernel.depths=[2, 3]", "kernel.depth=2", "kernel.depth=3"});
  EXPECT_EQ(job.solve.tolerance, 1e-3);
  EXPECT_EQ(job.output, "runs/a b");
  EXPECT_EQ(job.data.preprocess, (std::vector<io::Step>{{io::Step::Kind::center, 0}}));
  EXPECT_EQ(job.gram.checkpoint_every, Seconds{90});
  EXPECT_TRUE(std::holds_alternative<kernels::Erf>(*job.kernel.activation));
  EXPECT_EQ(job.data.train, "fashion-mnist:train[:20]");
  EXPECT_EQ(job.kernel.depth, 3);
  EXPECT_EQ(job.data.test, "fashion-mnist:test[:1000]");
}

TEST(JobFile, LabelsServeTheTestSetWhereTheyCan) {
  const auto test_labels = [](const std::string& train, const std::string& test, const std::string& labels) {
    return parse_job(
               small_job, "job.toml",
               std::vector<std::string>{"data.train=" + train, "data.test=" + test, "data.labels=" + labels})
        .data.test_labels;
  };
  EXPECT_EQ(test_labels("a.csv", "b.csv[3:]", "height"), "height");
  EXPECT_EQ(test_labels("a.npy[:5]", "a.npy[5:]", "labels.npy"), "labels.npy");
  EXPECT_EQ(test_labels("a.npy", "b.npy", "labels.npy"), "auto");
}

TEST(JobFile, OneRankReadsItForAll) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const std::string path = folder / "job.toml";
  if (comm.is_root()) std::ofstream(path) << small_job;
  comm.barrier();
  EXPECT_EQ(read_job(comm, path).data.train, "digits");
  EXPECT_THROW(read_job(comm, path + ".missing"), mpi::CollectiveError);
  EXPECT_THROW(read_job(comm, folder / ""), mpi::CollectiveError);
}

}  // namespace
}  // namespace widegram::jobs
