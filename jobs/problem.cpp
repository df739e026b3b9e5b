#include "jobs/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "io/data_fingerprint.hpp"
#include "io/mirror_images.hpp"
#include "io/preprocess.hpp"
#include "jobs/gram_family.hpp"
#include "src/base/fingerprint.hpp"
#include "src/kernels/canonical.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Checksums of all samples in global order, on every rank.
std::vector<std::uint64_t> all_checksums(const mpi::Communicator& comm, const io::DataSet& set,
                                         const std::vector<std::uint64_t>& local) {
  std::vector<std::uint64_t> all(static_cast<std::size_t>(set.samples()));
  std::copy(local.begin(), local.end(), all.begin() + set.local.begin);
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Range range = set.partition.range(rank);
    comm.broadcast(
        std::span(all).subspan(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size())),
        rank);
  }
  return all;
}

/// The steps, done to the training set.
io::Preprocessor fit_preprocessor(const mpi::Communicator& comm, const DataSection& data,
                                  io::DataSet& train) {
  if (data.preprocess_from.empty()) return io::Preprocessor::fit(comm, data.preprocess, train);
  io::DataSpec spec = training_spec(data);
  spec.source = data.preprocess_from;
  io::DataSet reference = io::read_data(comm, spec, &train);
  io::Preprocessor preprocessor = io::Preprocessor::fit(comm, data.preprocess, reference);
  preprocessor.apply(comm, train);
  return preprocessor;
}

/// Collective.
bool is_of_one_class(const mpi::Communicator& comm, const io::DataSet& set) {
  if (set.target_kind != io::TargetKind::classes) return false;
  std::int64_t least = set.outputs, most = -1;
  for (const std::int64_t k : set.classes) least = std::min(least, k), most = std::max(most, k);
  return comm.min(least) == comm.max(most);
}

std::string summary(const io::DataSet& set) {
  const bool classes = set.target_kind == io::TargetKind::classes;
  return fmt::format("{}: {} sample{} of {}, {} {}{}", set.source, set.samples(),
                     set.samples() == 1 ? "" : "s", to_string(set.shape), set.outputs,
                     classes ? "class" : "target value",
                     set.outputs == 1 ? ""
                     : classes        ? "es"
                                      : "s");
}

}  // namespace

io::DataSpec training_spec(const DataSection& data) {
  return {.source = data.train,
          .format = data.format,
          .labels = data.labels,
          .targets = data.targets,
          .features = data.features};
}

io::DataSpec test_spec(const DataSection& data) {
  return {.source = data.test,
          .format = data.format,
          .labels = data.test_labels,
          .targets = data.targets,
          .features = data.features};
}

Problem load_problem(const CommandContext& context, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const PhaseClock clock;
  Problem problem;
  problem.train = io::read_data(comm, training_spec(job.data));
  context.progress.note(summary(problem.train));
  if (!job.data.test.empty()) {
    problem.test = io::read_data(comm, test_spec(job.data), &problem.train);
    context.progress.note(summary(*problem.test));
  }
  if (is_of_one_class(comm, problem.train))
    context.progress.warn(fmt::format("{}: every sample is of the same class: there is nothing to learn",
                                      problem.train.source));
  io::Preprocessor preprocessor = fit_preprocessor(comm, job.data, problem.train);
  if (problem.test) preprocessor.apply(comm, *problem.test);
  for (const std::string& warning : preprocessor.warnings()) context.progress.warn(warning);

  if (job.data.augment == Augment::flip)
    mpi::collectively(comm, [&] { io::add_mirror_images(problem.train); });

  const io::DataFingerprint train = io::fingerprint(comm, problem.train);
  problem.header = {.kernel = kernels::canonical(job.kernel.network),
                    .function = to_string(job.kernel.function),
                    .precision = job.kernel.precision,
                    .tile = job.gram.tile,
                    .sample_shape = problem.train.shape,
                    .train_samples = all_checksums(comm, problem.train, train.inputs),
                    .test_samples = {},
                    .augment = job.data.augment == Augment::flip ? "flip" : "none"};
  if (problem.test)
    problem.header.test_samples =
        all_checksums(comm, *problem.test, io::fingerprint(comm, *problem.test).inputs);
  const bool classes = problem.train.target_kind == io::TargetKind::classes;
  problem.model = {.kernel = problem.header.kernel,
                   .function = problem.header.function,
                   .precision = problem.header.precision,
                   .train_hash = checksum(std::span(problem.header.train_samples)),
                   .target_hash = train.all_targets,
                   .classes = classes ? problem.train.outputs : 0,
                   .encoding = !classes                                      ? "values"
                               : job.data.encoding == io::Encoding::centered ? "centered"
                                                                             : "one-hot"};

  metrics["data"]["train_samples"] = problem.n();
  metrics["data"]["augment"] = problem.header.augment;
  metrics["data"]["test_samples"] = problem.m();
  metrics["data"]["shape"] = {problem.train.shape.channels, problem.train.shape.height,
                              problem.train.shape.width};
  metrics.spread("data", "rank_seconds", clock.seconds());
  metrics.phase("reading", clock);
  return problem;
}

gram::SpreadSamples spread(const io::DataSet& set, kernels::SampleOrder order) {
  return {set.inputs.view(), set.partition, order};
}

}  // namespace widegram::jobs
