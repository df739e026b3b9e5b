#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/data_spec.hpp"
#include "io/encoding.hpp"
#include "io/gram_store_header.hpp"
#include "io/preprocess.hpp"
#include "jobs/dkm_section.hpp"
#include "jobs/units.hpp"
#include "solvers/preconditioner.hpp"
#include "solvers/training_law.hpp"
#include "src/base/index.hpp"
#include "src/kernels/network.hpp"
#include "src/kernels/presets.hpp"

namespace widegram::jobs {

/// The job file in memory, its defaults filled in. What each key means: jobs/job_tables.cpp, jobs/README.md.

enum class Method { automatic, cholesky, cg };
/// How a ridge is picked from several.
enum class Selection { loo, holdout, evidence };
/// Of the factor: in double, or in float with refinement in double.
enum class SolvePrecision { float64, mixed };
/// Where the training Gram is while it is solved on.
enum class GramMode { stored, recompute, out_of_core };
/// How training is followed in time: by an eigendecomposition, or by products alone.
enum class DynamicsMethod { automatic, eigen, krylov };
/// What is added to the training set. flip: behind every image its left-right mirror image.
enum class Augment { none, flip };

struct DataSection {
  std::string train;
  std::string test;  ///< empty: no test set
  std::string format = "auto";
  std::string labels = "auto";
  std::string test_labels = "auto";
  io::Targets targets = io::Targets::automatic;
  io::Encoding encoding = io::Encoding::centered;
  Index features = 0;  ///< libsvm; 0: those of the training set
  std::vector<io::Step> preprocess;
  std::string preprocess_from;  ///< empty: the training set
  Augment augment = Augment::none;
};

struct KernelSection {
  kernels::Function function = kernels::Function::ntk;
  io::Precision precision = io::Precision::float32;
  std::string preset;  ///< empty where the job lists its layers
  std::optional<Index> depth;
  std::optional<double> weight_variance;
  std::optional<double> bias_variance;
  std::optional<kernels::Activation> activation;
  bool both = false;          ///< NNGP and NTK
  std::vector<Index> depths;  ///< that come from one pass, `depth` among them; empty: that one alone
  kernels::Network network;   ///< what the preset or the layers stand for
  std::vector<kernels::Network> depth_networks;  ///< the preset's at each of the depths
  std::string activation_toml;  ///< the preset's activation and the layers as TOML, with all their defaults
  std::string layers_toml;
};

struct GramSection {
  Index tile = 64;
  Seconds checkpoint_every{60.0};
  GramMode mode = GramMode::stored;
  std::optional<Bytes> memory_limit;  ///< bytes a rank may use; without it: its share of the machine's memory
};

struct SolveSection {
  Method method = Method::automatic;
  double ridge = 1e-4;                   ///< relative to the mean of the Gram's diagonal
  std::optional<double> ridge_absolute;  ///< in its place: the plain value
  std::vector<double> ridges;            ///< in their place: several, relative ones, to pick from
  Selection selection = Selection::loo;
  double holdout = 0.2;  ///< share of the training samples
  SolvePrecision precision = SolvePrecision::float64;
  double tolerance = 1e-8;
  Index max_iterations = 1000;
  std::optional<solvers::PreconditionerKind> preconditioner;  ///< see preconditioner_options()
  std::optional<Index> preconditioner_rank;
  Index budget = 0;       ///< no key, but MethodChoice's
  bool evidence = false;  ///< also where the Gram is not factored
};

std::string to_string(Selection selection);

struct PredictSection {
  bool variance = false;
};

struct SpectrumSection {
  Index largest = 0;           ///< eigenvalues, with vectors; 0: all, without
  std::vector<double> ridges;  ///< relative to the mean diagonal; empty: those of solve
  std::vector<Index> fit;      ///< first and last rank of the power laws; empty: default_fit_range()
};

struct DynamicsSection {
  std::vector<double> times{1, 10, 100, 1000, 10000};  ///< ascending; infinity allowed
  solvers::Descent descent = solvers::Descent::flow;
  std::optional<double> rate;  ///< without it: half of the largest stable one
  double ridge = 0;            ///< relative to the mean diagonal
  double validation = 0;       ///< share of the training samples held out; 0: none
  bool variance = false;       ///< of the ensemble of networks at the test samples
  DynamicsMethod method = DynamicsMethod::automatic;
  double tolerance = 1e-10;
  Index max_steps = 500;
};

/// One PETSc option without its dash; an empty value makes it a flag.
struct PetscOption {
  std::string name;
  std::string value;
};

struct Job {
  std::string name;
  std::string output;
  DataSection data;
  KernelSection kernel;
  GramSection gram;
  SolveSection solve;
  PredictSection predict;
  SpectrumSection spectrum;
  DynamicsSection dynamics;
  DkmSection dkm;
  std::vector<PetscOption> petsc;
};

}  // namespace widegram::jobs
