#pragma once

#include <cstdint>
#include <optional>

#include "io/data_set.hpp"
#include "io/gram_store_header.hpp"
#include "io/model.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/metrics.hpp"
#include "src/gram/operands.hpp"

namespace widegram::jobs {

/// A job's data, read and prepared, spread over the ranks, and what its Gram is called.
struct Problem {
  io::DataSet train;
  std::optional<io::DataSet> test;
  io::GramHeader header;  ///< all that the Gram's entries depend on
  io::ModelHeader model;  ///< all that a regression on it depends on but its ridge

  GlobalIndex n() const { return train.samples(); }
  GlobalIndex m() const { return test ? test->samples() : 0; }
};

/// How the job's sets are read.
io::DataSpec training_spec(const DataSection& data);
io::DataSpec test_spec(const DataSection& data);

/// Collective. Reads both sets, prepares them with the training set's statistics, adds what the job augments
/// the training set by, and takes their checksums.
/// Says what a user should know and writes metrics["data"]. Throws CollectiveError as read_data() and
/// Preprocessor do, and where the network does not fit the samples.
Problem load_problem(const CommandContext& context, Metrics& metrics);

/// The samples as the Gram scheduler takes them.
gram::SpreadSamples spread(const io::DataSet& set, kernels::SampleOrder order);

}  // namespace widegram::jobs
