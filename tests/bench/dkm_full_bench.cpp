#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "solvers/dkm/full_coordinates.hpp"
#include "src/base/random.hpp"
#include "src/base/timer.hpp"
#include "src/dist/scalapack_triangular.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/median.hpp"

/// An evaluation of a full-rank deep kernel machine's objective and gradient, in the coordinates of the
/// optimiser, against the ScaLAPACK calls that it consists of, on matrices of the same size and with nothing
/// in between. --check: at most 1.5 times their time.
namespace widegram {
namespace {

struct Options {
  Index n = 2000;
  Index layers = 2;
  Index features = 784;
  Index block = dist::default_block;
  int repeats = 3;
  std::string kernel = "arccos";
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--n", options.n);
  app.add_option("--layers", options.layers);
  app.add_option("--features", options.features);
  app.add_option("--block", options.block);
  app.add_option("--repeats", options.repeats);
  app.add_option("--kernel", options.kernel);
  app.add_flag("--check", options.check);
}

using Matrix = dist::DistributedMatrix<double>;

Matrix normal_matrix(const dist::ProcessGrid& grid, Index rows, Index cols, const Options& options) {
  const CounterRandom random(1, 1);
  Matrix a(grid, rows, cols, options.block);
  for (LocalIndex j = 0; j < a.local_cols(); ++j)
    for (LocalIndex i = 0; i < a.local_rows(); ++i)
      a.local()(i, j) = random.normal(static_cast<std::uint64_t>(a.global_row(i) * cols + a.global_col(j)));
  return a;
}

template <class F>
double median_seconds(const mpi::Communicator& comm, int repeats, F&& work) {
  std::vector<double> seconds;
  for (int round = 0; round <= repeats; ++round) {
    comm.barrier();
    const Timer timer;
    work();
    if (round > 0) seconds.push_back(comm.max(timer.seconds()));  // the first round warms up
  }
  return test::median(seconds);
}

/// The calls of one evaluation: those of coordinates and objective there, and those of the way back.
class CallsAlone {
 public:
  CallsAlone(const dkm::FullObjective& objective, Matrix lower, const Matrix& targets)
      : lower_(std::move(lower)),
        gram_(objective.matrix()),
        work_(objective.matrix()),
        targets_(targets.copy()),
        positive_(objective.matrix()) {
    dist::syrk(1.0, lower_, 0.0, positive_);
  }

  void operator()(Index layers) {
    for (Index l = 0; l < layers; ++l) {
      copy(lower_, work_);
      dist::multiply_lower(dist::Side::left, dist::Transpose::no, lower_, work_);
      copy(lower_, work_);
      dist::solve_lower(lower_, work_);
      dist::syrk(1.0, lower_, 0.0, gram_);
      copy(positive_, gram_);
      dist::potrf(gram_);
    }
    dist::potrs(gram_, targets_);
    for (Index l = layers; l >= 1; --l) {
      dist::invert_factored(gram_);
      dist::syrk(0.5, l == layers ? targets_ : lower_, -0.5, gram_);
      copy(lower_, work_);
      dist::multiply_lower(dist::Side::right, dist::Transpose::no, lower_, work_, 2.0);
      dist::solve_lower_transposed(lower_, work_);
      dist::multiply_lower(dist::Side::left, dist::Transpose::yes, lower_, work_);
      copy(lower_, gram_);
    }
  }
  /// What only puts operands back in place.
  double copy_seconds() const { return copying_; }
  void forget_copies() { copying_ = 0; }

 private:
  void copy(const Matrix& from, Matrix& to) {
    const Timer timer;
    std::copy_n(from.local().data, from.local_rows() * from.local_cols(), to.local().data);
    copying_ += timer.seconds();
  }

  Matrix lower_;
  Matrix gram_;
  Matrix work_;
  Matrix targets_;
  Matrix positive_;
  double copying_ = 0;
};

int run(const mpi::Communicator& comm, const Options& options) {
  const dist::ProcessGrid grid = dist::ProcessGrid::square(comm);
  const auto map = dkm::make_kernel_map<double>(dkm::map_spec(options.kernel));
  Matrix gram(grid, options.n, options.n, options.block);
  dist::syrk(1.0 / static_cast<double>(options.features),
             normal_matrix(grid, options.n, options.features, options), 0.0, gram);
  const Matrix targets = normal_matrix(grid, options.n, 10, options);
  dkm::FullObjective objective(*map, std::move(gram), targets.copy(), options.layers, 1e-8);
  dkm::FullCoordinates coordinates(
      objective.nngp_factors(),
      {.nu = std::vector<double>(static_cast<std::size_t>(options.layers), 1.0), .noise = 0.1});
  dkm::FullParameters at;
  dkm::FullGradient gradient;
  for (Index l = 0; l < options.layers; ++l) {
    at.factors.push_back(objective.matrix());
    gradient.factors.push_back(objective.matrix());
  }
  const std::vector<double> x = coordinates.start();
  std::vector<double> slope(x.size());
  CallsAlone alone(objective, std::move(objective.nngp_factors().front()), targets);

  const double inside_before = objective.scalapack().seconds() + coordinates.scalapack().seconds();
  const double evaluation = median_seconds(comm, options.repeats, [&] {
    coordinates.set_parameters(x, at);
    objective.value_and_gradient(at, gradient);
    coordinates.set_gradient(x, at, gradient, slope);
  });
  const double inside =
      (objective.scalapack().seconds() + coordinates.scalapack().seconds() - inside_before) /
      (options.repeats + 1);
  alone.forget_copies();
  double calls = median_seconds(comm, options.repeats, [&] { alone(options.layers); });
  calls -= comm.min(alone.copy_seconds()) / (options.repeats + 1);
  const double ratio = evaluation / calls;
  if (comm.is_root())
    fmt::print(
        "{{\"benchmark\": \"dkm_full\", \"n\": {}, \"layers\": {}, \"kernel\": \"{}\", \"ranks\": {}, "
        "\"evaluation_seconds\": {:.4f}, \"scalapack_alone_seconds\": {:.4f}, \"ratio\": {:.3f}, "
        "\"share_inside_scalapack\": {:.3f}}}\n",
        options.n, options.layers, options.kernel, comm.size(), evaluation, calls, ratio,
        inside / evaluation);
  return options.check && ratio > 1.5 ? 1 : 0;
}

}  // namespace
}  // namespace widegram

int main(int argc, char** argv) {
  using namespace widegram;
  return test::bench_main<Options>(argc, argv, "bench_dkm_full", declare, run);
}
