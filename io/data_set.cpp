#include "io/data_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "io/distributed_read.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

/// Column of the first number that is not finite, and its row.
void check_finite(const Matrix<double>& values, GlobalIndex first_sample, const std::string& source,
                  const char* row_name) {
  for (Index j = 0; j < values.cols(); ++j)
    for (Index i = 0; i < values.rows(); ++i)
      if (!std::isfinite(values(i, j)))
        throw Error(ExitCode::data,
                    fmt::format("{}: sample {} (counted from 0) holds {} in {} {}: remove or mend it", source,
                                first_sample + j, values(i, j), row_name, i));
}

/// Largest size of a target, and the inverse of the smallest that a column's largest may have: norms, losses
/// and evidence are made of squares.
constexpr double largest_target = 1e100;

/// Collective.
void check_sizes(const mpi::Communicator& comm, const Matrix<double>& targets, GlobalIndex first_sample,
                 const std::string& source) {
  std::vector<double> sizes(static_cast<std::size_t>(targets.rows()));
  mpi::collectively(comm, [&] {
    for (Index j = 0; j < targets.cols(); ++j)
      for (Index i = 0; i < targets.rows(); ++i) {
        const double size = std::abs(targets(i, j));
        if (size > largest_target)
          throw Error(ExitCode::data,
                      fmt::format("{}: sample {} (counted from 0) holds {:g} in target column {}: targets go "
                                  "up to {:g}, scale them",
                                  source, first_sample + j, targets(i, j), i, largest_target));
        sizes[static_cast<std::size_t>(i)] = std::max(sizes[static_cast<std::size_t>(i)], size);
      }
  });
  comm.all_reduce(std::span(sizes), MPI_MAX);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] > 0 && sizes[i] < 1 / largest_target)
      throw mpi::CollectiveError(
          ExitCode::data,
          fmt::format("{}: the largest number of target column {} is {:g} in size: at least {:g} it must be "
                      "where it is not 0, scale the column",
                      source, i, sizes[i], 1 / largest_target));
}

std::vector<std::int64_t> to_classes(const LocalSamples& set, GlobalIndex first_sample) {
  if (set.targets.rows() != 1)
    throw Error(ExitCode::data,
                fmt::format("{}: {} target columns are values, not classes: set targets = \"values\"",
                            set.header.target_source, set.targets.rows()));
  std::vector<std::int64_t> classes;
  for (Index j = 0; j < set.targets.cols(); ++j) {
    const double label = set.targets(0, j);
    if (!(label >= 0 && label <= largest_class && label == std::floor(label)))
      throw Error(
          ExitCode::data,
          fmt::format(
              "{}: label {} of sample {} (counted from 0) is no class; classes are 0, 1, 2, ... up to "
              "{}: renumber them, or set targets = \"values\"",
              set.header.target_source, label, first_sample + j, largest_class));
    classes.push_back(static_cast<std::int64_t>(label));
  }
  return classes;
}

void check_classes(const std::vector<std::int64_t>& classes, Index count, GlobalIndex first_sample,
                   const std::string& source, const char* whose) {
  const auto beyond =
      std::find_if(classes.begin(), classes.end(), [&](std::int64_t k) { return k >= count; });
  if (beyond != classes.end())
    throw Error(ExitCode::data,
                fmt::format("{}: label {} of sample {} (counted from 0) is beyond the {} classes of {}",
                            source, *beyond, first_sample + (beyond - classes.begin()), count, whose));
}

TargetKind kind_of(const DataSpec& spec, const DataHeader& header, const DataSet* training) {
  if (training) return training->target_kind;
  switch (spec.targets) {
    case Targets::classes:
      return TargetKind::classes;
    case Targets::values:
      return TargetKind::values;
    case Targets::automatic:
      break;
  }
  return header.natural_targets;
}

/// Classes or values from the numbers that the source holds. Collective.
void settle_targets(const mpi::Communicator& comm, LocalSamples&& read, const DataSet* training,
                    DataSet& set) {
  const GlobalIndex first = read.slice.begin + set.local.begin;
  const std::string& source = read.header.target_source;
  mpi::collectively(comm, [&] { check_finite(read.targets, first, source, "target column"); });
  if (set.target_kind == TargetKind::values) {
    check_sizes(comm, read.targets, first, source);
    set.outputs = read.targets.rows();
    set.values = std::move(read.targets);
    return;
  }
  set.classes = mpi::collectively(comm, [&] { return to_classes(read, first); });
  set.class_names = training ? training->class_names : read.header.class_names;
  const auto largest = std::max_element(set.classes.begin(), set.classes.end());
  const Index seen = comm.max(set.classes.empty() ? Index{0} : Index{*largest + 1});
  const Index named = std::ssize(read.header.class_names);
  set.outputs = training ? training->outputs : std::max(seen, named);
  mpi::collectively(comm, [&] {
    if (training)
      check_classes(set.classes, set.outputs, first, source, "the training set");
    else if (named > 0)
      check_classes(set.classes, named, first, source, "the data set");
  });
}

}  // namespace

DataSet read_data(const mpi::Communicator& comm, const DataSpec& spec, const DataSet* training) {
  std::optional<KnownTargets> known;
  DataSpec effective = spec;
  if (training) {
    known = KnownTargets{training->target_kind, training->class_names};
    if (effective.features == 0) effective.features = training->features();
  }
  LocalSamples read = read_distributed(comm, effective, known);

  DataSet set;
  set.source = spec.source;
  set.shape = read.header.shape;
  set.partition = read.partition;
  set.local = read.partition.range(comm.rank());
  set.inputs = std::move(read.inputs);
  set.feature_names = read.header.feature_names;
  set.target_kind = kind_of(spec, read.header, training);
  mpi::collectively(
      comm, [&] { check_finite(set.inputs, read.slice.begin + set.local.begin, spec.source, "feature"); });
  settle_targets(comm, std::move(read), training, set);
  if (training) check_match(*training, set);
  return set;
}

void check_match(const DataSet& training, const DataSet& test) {
  const auto refuse = [&](const std::string& what) {
    return mpi::CollectiveError(ExitCode::data, fmt::format("{} does not match the training set {}: {}",
                                                            test.source, training.source, what));
  };
  if (training.shape != test.shape)
    throw refuse(fmt::format("its samples have {}, those of the training set {}", to_string(test.shape),
                             to_string(training.shape)));
  if (!training.feature_names.empty() && !test.feature_names.empty()) {
    const auto [a, b] = std::mismatch(training.feature_names.begin(), training.feature_names.end(),
                                      test.feature_names.begin());
    if (a != training.feature_names.end())
      throw refuse(fmt::format("feature {} (counted from 0) is '{}', in the training set '{}'",
                               a - training.feature_names.begin(), *b, *a));
  }
  if (training.target_kind != test.target_kind)
    throw refuse("one has classes as its targets, the other values");
  if (training.outputs != test.outputs)
    throw refuse(
        fmt::format("it has {} target columns, the training set {}", test.outputs, training.outputs));
}

}  // namespace widegram::io
