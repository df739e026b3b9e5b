#pragma once

#include <string>
#include <vector>

#include "io/inducing_file.hpp"
#include "jobs/problem.hpp"
#include "solvers/dkm/trainer.hpp"

namespace widegram::jobs {

/// Deep kernel machines with inducing points, sparse and convolutional, as src/dkm takes them.

/// The job's machine on samples of a shape, which a sparse one sees as vectors.
dkm::ModelSpec inducing_spec(const DkmSection& dkm, const SampleShape& shape, Index outputs);

/// "3 layers of 64 inducing points, kernel "arccos"", "dkm-resnet20, scale 1, ...".
std::string inducing_network_text(const DkmSection& dkm);

/// What a trained machine depends on, but for how long and how well it was trained: equal where a run may go
/// on from another one's state.
std::string inducing_problem_text(const DkmSection& dkm, const Problem& problem);

/// A data set as the trainer takes it: its inputs where they are, which must outlive this, and all targets on
/// every rank.
class InducingSamples {
 public:
  /// Collective. Targets are classes for a categorical likelihood, else values or encoded classes.
  InducingSamples(const CommandContext& context, const io::DataSet& set);
  dkm::Samples samples() const;

 private:
  const io::DataSet& set_;
  Matrix<double> values_;
  std::vector<std::int64_t> labels_;
};

/// Collective. What the batches of a job with dkm.zca are whitened by, from its augmented training set, whose
/// images lie in `train`; nothing without. Cost: as io::whitening_transform(), and D^2 multiply-adds a
/// sample of a batch.
dkm::Transform fit_whitening(const CommandContext& context, const io::DataSet& train);

/// Where training starts: inducing patches from the training set, not whitened. Collective. Throws
/// CollectiveError(usage) where it has fewer patches than inducing points.
template <class Real>
std::vector<double> initial_parameters(const CommandContext& context, const dkm::Model<Real>& model,
                                       const dkm::Samples& samples);

/// The slices of a model's parameters as its file names them; with `kind`, those of the layers of that kind,
/// e.g. "gram".
std::vector<io::ParameterSlice> file_slices(const std::vector<dkm::Slice>& parameters,
                                            const std::string& kind = "");

}  // namespace widegram::jobs
