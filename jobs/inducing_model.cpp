#include "jobs/inducing_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "io/encoding.hpp"
#include "io/feature_statistics.hpp"
#include "io/whitening.hpp"
#include "jobs/job_tables.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Whether a line of the job does not change what a machine is trained to: how long and how well, what auto
/// stands for, a batch that counts for predictions alone.
bool is_beside_the_point(const std::string& line, const DkmSection& dkm) {
  const auto is = [&](const char* key) { return line.starts_with(std::string(key) + " = "); };
  return is("epochs") || is("tolerance") || is("max_iterations") || is("optimizer") ||
         (is("batch") && !dkm.is_adam());
}

/// A list of layers is written in lines.
std::string in_one_line(const std::string& text) {
  std::string line;
  for (const char c : text)
    if (c != '\n' && (c != ' ' || line.empty() || line.back() != ' ')) line += c;
  return line;
}

/// Each rank's columns of a matrix that all have.
template <class T>
void fill_in(const mpi::Communicator& comm, std::span<T> whole, std::span<const T> part, Index begin) {
  std::copy(part.begin(), part.end(), whole.begin() + begin);
  comm.all_reduce(whole, MPI_SUM);
}

/// The epoch that the images are augmented for which the whitening is fitted to: none of training.
constexpr std::int64_t whitening_epoch = -3;

void subtract(std::span<const double> mean, MatrixView<double> images) {
  for (Index n = 0; n < images.cols; ++n)
    for (Index i = 0; i < images.rows; ++i) images(i, n) -= mean[static_cast<std::size_t>(i)];
}

}  // namespace

dkm::ModelSpec inducing_spec(const DkmSection& dkm, const SampleShape& shape, Index outputs) {
  dkm::ModelSpec spec{.network = dkm.network,
                      .shape = shape,
                      .outputs = outputs,
                      .likelihood = dkm.likelihood,
                      .noise = dkm.noise,
                      .learn_noise = dkm.learn_noise,
                      .samples = dkm.samples,
                      .nu = dkm.nu.front(),
                      .jitter = dkm.used_jitter(),
                      .taylor = dkm.taylor,
                      .stochastic = dkm.stochastic,
                      .clamp_negative = dkm.clamp,
                      .seed = dkm.seed};
  if (dkm.is_convolutional()) return spec;
  spec.shape = {shape.features(), 1, 1};
  spec.nu = 1;
  spec.network = dkm::sparse_network(dkm.depth, dkm.inducing, dkm.map);
  std::size_t layer = 0;
  const std::vector<double> nu = dkm.layer_nu();
  for (dkm::Layer& part : spec.network)
    if (auto* gram = std::get_if<dkm::GramLayer>(&part)) gram->nu = nu[layer++];
  return spec;
}

std::string inducing_network_text(const DkmSection& dkm) {
  if (!dkm.is_convolutional())
    return fmt::format("{} layer{} of {} inducing points, kernel {}", dkm.depth, dkm.depth == 1 ? "" : "s",
                       dkm.inducing, dkm.kernel_toml);
  if (dkm.preset.empty()) return "the job's layers";
  return fmt::format("{}, scale {}, kernel {}", dkm.preset, dkm.scale, dkm.kernel_toml);
}

std::string inducing_problem_text(const DkmSection& dkm, const Problem& problem) {
  std::string text = dkm.is_adam() ? "adam; " : "bqnls; ";
  for (const std::string& line : dkm_keys().write(dkm))
    if (!is_beside_the_point(line, dkm)) text += line + "; ";
  return in_one_line(text) + fmt::format("{:016x} {:016x} {}", problem.model.train_hash,
                                         problem.model.target_hash, problem.model.encoding);
}

InducingSamples::InducingSamples(const CommandContext& context, const io::DataSet& set) : set_(set) {
  const auto n = static_cast<std::size_t>(set.samples());
  if (context.job->dkm.is_categorical()) {
    labels_.resize(n);
    fill_in<std::int64_t>(context.comm, labels_, set.classes, set.local.begin);
    return;
  }
  const Matrix<double> part = io::encode(set, context.job->data.encoding);
  values_ = Matrix<double>(set.outputs, set.samples());
  fill_in<double>(context.comm, {values_.data(), n * static_cast<std::size_t>(set.outputs)},
                  {part.data(), static_cast<std::size_t>(part.rows() * part.cols())},
                  set.outputs * set.local.begin);
}

dkm::Samples InducingSamples::samples() const {
  return {.inputs = set_.inputs.view(), .values = values_.view(), .labels = labels_, .held = set_.partition};
}

dkm::Transform fit_whitening(const CommandContext& context, const io::DataSet& train) {
  const DkmSection& dkm = context.job->dkm;
  if (!dkm.zca) return {};
  Matrix<double> images = train.inputs;
  for (Index n = 0; n < images.cols(); ++n)
    dkm::augment(train.shape, {dkm.crop, dkm.flip}, dkm.seed, whitening_epoch, train.local.begin + n,
                 images.column(n));
  const io::FeatureStatistics statistics = io::feature_statistics(context.comm, images, train.samples());
  subtract(statistics.mean, images.view());
  const auto whitening = std::make_shared<const Matrix<double>>(
      io::whitening_transform(context.comm, images, train.samples(), *dkm.zca));
  return [mean = statistics.mean, whitening](MatrixView<double> batch) {
    subtract(mean, batch);
    io::apply_whitening(*whitening, batch);
  };
}

template <class Real>
std::vector<double> initial_parameters(const CommandContext& context, const dkm::Model<Real>& model,
                                       const dkm::Samples& samples) {
  const SampleShape& shape = model.spec().shape;
  const Index edge = std::get<dkm::InputLayer>(model.spec().network.front()).size;
  const Matrix<double> patches =
      dkm::random_patches(context.comm, samples, shape, edge, model.patches(), context.job->dkm.seed);
  return mpi::collectively(context.comm, [&] { return model.initial(patches.view()); });
}
template std::vector<double> initial_parameters(const CommandContext&, const dkm::Model<float>&,
                                                const dkm::Samples&);
template std::vector<double> initial_parameters(const CommandContext&, const dkm::Model<double>&,
                                                const dkm::Samples&);

std::vector<io::ParameterSlice> file_slices(const std::vector<dkm::Slice>& parameters,
                                            const std::string& kind) {
  std::vector<io::ParameterSlice> slices;
  for (const dkm::Slice& slice : parameters)
    if (kind.empty() || slice.name.starts_with(kind + " "))
      slices.push_back({slice.name, slice.begin, slice.rows, slice.cols});
  return slices;
}

}  // namespace widegram::jobs
