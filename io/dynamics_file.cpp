#include "io/dynamics_file.hpp"

#include <algorithm>
#include <span>

#include "io/attribute_fields.hpp"
#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

constexpr Index dynamics_format_version = 1;
constexpr Index most_alpha_bytes = Index{256} << 20;

/// Calls visit(name, value) for each list of numbers of the file, which may be const.
template <class AnyDynamics, class Visit>
void for_each_list(AnyDynamics& dynamics, Visit&& visit) {
  visit("/times", dynamics.times);
  visit("/train_loss", dynamics.train.loss);
  visit("/train_accuracy", dynamics.train.accuracy);
  visit("/validation_loss", dynamics.validation.loss);
  visit("/validation_accuracy", dynamics.validation.accuracy);
  visit("/test_loss", dynamics.test.loss);
  visit("/test_accuracy", dynamics.test.accuracy);
}

/// The same for each number that is an attribute.
template <class AnyDynamics, class Visit>
void for_each_number(AnyDynamics& dynamics, Visit&& visit) {
  visit("n", dynamics.n);
  visit("held_out", dynamics.held_out);
  visit("rate", dynamics.rate);
  visit("largest_stable_rate", dynamics.largest_stable_rate);
  visit("largest_eigenvalue", dynamics.largest_eigenvalue);
  visit("ridge", dynamics.ridge);
  visit("ridge_absolute", dynamics.ridge_absolute);
  visit("steps", dynamics.steps);
  visit("residual", dynamics.residual);
  visit("coefficient_error", dynamics.coefficient_error);
}

/// The same for what is known of an early stop.
template <class AnyStop, class Visit>
void for_each_number_of_stop(AnyStop& best, Visit&& visit) {
  visit("best_time", best.time);
  visit("best_validation_loss", best.validation_loss);
  visit("best_validation_accuracy", best.validation_accuracy);
  visit("best_train_loss", best.train_loss);
  visit("best_test_loss", best.test_loss);
  visit("best_test_accuracy", best.test_accuracy);
}

void append_rows(const Matrix<double>& a, std::vector<double>& rows) {
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < a.cols(); ++j) rows.push_back(a(i, j));
}

void write_matrix(const hdf5::File& file, const char* name, const Matrix<double>& a) {
  if (a.rows() == 0) return;
  std::vector<double> rows;
  append_rows(a, rows);
  hdf5::Dataset::create<double>(file, name, {.shape = {a.rows(), a.cols()}}).write_all<double>(rows);
}

/// One matrix behind the other, T x rows x cols.
void write_stack(const hdf5::File& file, const char* name, std::span<const TrainedState> states,
                 Matrix<double> TrainedState::*part) {
  const Matrix<double>& first = states.front().*part;
  if (first.rows() == 0) return;
  std::vector<double> rows;
  for (const TrainedState& state : states) append_rows(state.*part, rows);
  hdf5::Dataset::create<double>(file, name, {.shape = {std::ssize(states), first.rows(), first.cols()}})
      .write_all<double>(rows);
}

/// A row a time.
void write_variances(const hdf5::File& file, std::span<const TrainedState> states) {
  const Index m = std::ssize(states.front().test_variance);
  if (m == 0) return;
  std::vector<double> rows;
  for (const TrainedState& state : states)
    rows.insert(rows.end(), state.test_variance.begin(), state.test_variance.end());
  hdf5::Dataset::create<double>(file, "/test_variance", {.shape = {std::ssize(states), m}})
      .write_all<double>(rows);
}

/// Whose coefficients are kept: those of all times, or of the last one.
std::size_t alphas_kept(const Dynamics& dynamics) {
  const Matrix<double>& alpha = dynamics.states.front().alpha;
  const Index bytes = alpha.rows() * alpha.cols() * Index{sizeof(double)} * std::ssize(dynamics.states);
  return bytes > most_alpha_bytes ? 1 : dynamics.states.size();
}

Index bytes_of(const Dynamics& dynamics) {
  const TrainedState& state = dynamics.states.front();
  return Index{sizeof(double)} *
         (state.alpha.rows() * state.alpha.cols() * (static_cast<Index>(alphas_kept(dynamics)) + 1) +
          state.test_mean.rows() * (state.test_mean.cols() + 1) * (std::ssize(dynamics.states) + 1) +
          8 * std::ssize(dynamics.times));
}

void write_draft(const std::string& draft, const Dynamics& dynamics, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const AttributeWriter attribute{file};
  attribute("format", std::string("widegram dynamics"));
  attribute("format_version", dynamics_format_version);
  write_model_header(file, dynamics.header);
  attribute("test_hash", dynamics.test_hash);
  attribute("method", dynamics.method);
  attribute("descent", dynamics.descent);
  for_each_number(dynamics, attribute);
  if (dynamics.best) for_each_number_of_stop(*dynamics.best, attribute);
  attribute("complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));
  const auto list = [&](const char* name, const std::vector<double>& values) {
    hdf5::write_list(file, name, values);
  };
  for_each_list(dynamics, list);
  const std::size_t kept = alphas_kept(dynamics);
  list("/alpha_times", {dynamics.times.end() - static_cast<std::ptrdiff_t>(kept), dynamics.times.end()});
  write_stack(file, "/alpha", std::span(dynamics.states).last(kept), &TrainedState::alpha);
  write_stack(file, "/test_mean", dynamics.states, &TrainedState::test_mean);
  write_variances(file, dynamics.states);
  if (dynamics.best) {
    write_matrix(file, "/best_alpha", dynamics.best->state.alpha);
    write_matrix(file, "/best_test_mean", dynamics.best->state.test_mean);
    list("/best_test_variance", dynamics.best->state.test_variance);
  }
  file.close();
}

}  // namespace

void write_dynamics(const mpi::Communicator& comm, const std::string& path, const Dynamics& dynamics) {
  mpi::on_root(comm, [&] {
    const DraftGuard draft = begin_draft(path, bytes_of(dynamics));
    write_draft(draft_path(path), dynamics, comm.size());
    seal_whole(draft_path(path), "dynamics");
    publish(path);
  });
}

Dynamics read_dynamics(const std::string& path) {
  require_seal(path, "dynamics");
  const hdf5::File file = hdf5::File::open(path);
  const AttributeReader attribute{file};
  require_version(path, hdf5::read_attribute<std::int64_t>(file, "/", "format_version"),
                  dynamics_format_version, "dynamics");
  Dynamics dynamics;
  dynamics.header = read_model_header(file);
  attribute("test_hash", dynamics.test_hash);
  attribute("method", dynamics.method);
  attribute("descent", dynamics.descent);
  for_each_number(dynamics, attribute);
  if (hdf5::has_attribute(file, "/", "best_time"))
    for_each_number_of_stop(dynamics.best.emplace(), attribute);
  for_each_list(dynamics,
                [&](const char* name, std::vector<double>& values) { values = hdf5::read_list(file, name); });
  return dynamics;
}

}  // namespace widegram::io
