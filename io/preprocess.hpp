#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/data_set.hpp"

namespace widegram::io {

/// One step of preparation.
struct Step {
  enum class Kind {
    scale,        ///< scale(a): times a
    standardize,  ///< each feature minus its mean, divided by its standard deviation (divisor N)
    center,       ///< each feature minus its mean
    normalize,    ///< each sample divided by its Euclidean norm
    zca           ///< zca(eps): minus the mean, then decorrelated: io/whitening.hpp
  };
  Kind kind = Kind::scale;
  double value = 0;  ///< a or eps

  friend bool operator==(const Step&, const Step&) = default;
};

/// Whether what the step does depends on the set that it was fitted to.
inline bool takes_statistics(const Step& step) {
  return step.kind != Step::Kind::scale && step.kind != Step::Kind::normalize;
}

/// From a job's texts. Throws Error(usage) for an unknown step (naming the nearest), or a wrong or missing
/// number.
std::vector<Step> parse_steps(std::span<const std::string> texts);
/// "zca(0.1)"
std::string to_string(const Step& step);

/// Steps in order, their statistics taken from the training set alone. All in double; the bits of what comes
/// out do not depend on the number of ranks.
class Preprocessor {
 public:
  /// Collective; all ranks throw, or none. `training` comes out prepared: a step's statistics are those of
  /// what the steps before have made of the set, and working in place keeps one copy of the data in memory.
  static Preprocessor fit(const mpi::Communicator& comm, std::span<const Step> steps, DataSet& training);

  /// Prepares another set of the same shape in place. Collective; all ranks throw, or none.
  void apply(const mpi::Communicator& comm, DataSet& set);

  /// What a user should know, a sentence each: constant features, samples that are zero. The same on every
  /// rank.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  /// A step with its statistics: x <- transform ((x - shift) / divisor), where each part may be empty.
  struct Fitted {
    Step step;
    std::vector<double> shift;
    std::vector<double> divisor;
    Matrix<double> transform;
  };
  void fit_step(const mpi::Communicator& comm, const Step& step, DataSet& training);
  void apply_step(const mpi::Communicator& comm, const Fitted& fitted, DataSet& set);

  std::vector<Fitted> steps_;
  std::vector<std::string> warnings_;
};

}  // namespace widegram::io
