#include "io/inducing_file.hpp"

#include <algorithm>
#include <filesystem>

#include "io/dkm_header.hpp"
#include "io/read_on_root.hpp"

namespace widegram::io {

namespace {

template <class AnyModel, class Visit>
void for_each_own_attribute(AnyModel& model, Visit&& visit) {
  visit("likelihood", model.likelihood);
  visit("iterations", model.iterations);
  visit("epochs", model.epochs);
  visit("best_epoch", model.best_epoch);
}

/// V V^T / P of a factor; symmetric, so that rows and columns of the file are the same.
std::vector<double> gram_of(const std::vector<double>& parameters, const ParameterSlice& factor) {
  const Index p = factor.rows;
  const double* const v = parameters.data() + factor.begin;
  std::vector<double> gram(static_cast<std::size_t>(p * p));
  for (Index k = 0; k < factor.cols; ++k)
    for (Index j = 0; j < p; ++j)
      for (Index i = 0; i < p; ++i)
        gram[static_cast<std::size_t>(i + j * p)] += v[i + k * p] * v[j + k * p] / static_cast<double>(p);
  return gram;
}

void write_slices(const hdf5::File& file, std::span<const ParameterSlice> slices) {
  std::vector<std::int64_t> rows;
  std::string names;
  for (const ParameterSlice& slice : slices) {
    rows.insert(rows.end(), {slice.begin, slice.rows, slice.cols});
    names += (names.empty() ? "" : ";") + slice.name;
  }
  hdf5::Dataset::create<std::int64_t>(file, "/slices", {.shape = {std::ssize(slices), 3}})
      .write_all<std::int64_t>(rows);
  hdf5::write_attribute(file, "/slices", "names", names);
}

void write_curve(const hdf5::File& file, const InducingModel& model) {
  if (model.curve.empty()) return;
  const Index width = 1 + std::count(model.columns.begin(), model.columns.end(), ',');
  hdf5::Dataset::create<double>(file, "/curve", {.shape = {std::ssize(model.curve) / width, width}})
      .write_all<double>(model.curve);
  hdf5::write_attribute(file, "/curve", "columns", model.columns);
}

void write_draft(const std::string& draft, const InducingModel& model, std::span<const ParameterSlice> slices,
                 std::span<const ParameterSlice> factors, int ranks) {
  hdf5::File file = begin_dkm_file(draft, model, ranks);
  for_each_own_attribute(model, AttributeWriter{file});
  hdf5::write_list(file, "/parameters", model.parameters);
  hdf5::write_list(file, "/last_parameters", model.last);
  write_curve(file, model);
  write_slices(file, slices);
  Index layer = 0;
  for (const ParameterSlice& factor : factors)
    hdf5::Dataset::create<double>(file, "/gram/" + std::to_string(++layer),
                                  {.shape = {factor.rows, factor.rows}})
        .write_all<double>(gram_of(model.parameters, factor));
  file.close();
}

std::optional<InducingModel> read_file(const std::string& path) {
  return read_dkm_file<InducingModel>(path, [](const hdf5::File& file, InducingModel& model) {
    for_each_own_attribute(model, AttributeReader{file});
    model.curve = hdf5::read_list(file, "/curve");
    model.parameters = hdf5::read_list(file, "/parameters");
    model.last = hdf5::read_list(file, "/last_parameters");
    if (!model.curve.empty()) model.columns = hdf5::read_attribute<std::string>(file, "/curve", "columns");
  });
}

}  // namespace

void write_inducing_model(const mpi::Communicator& comm, const std::string& path, const InducingModel& model,
                          std::span<const ParameterSlice> slices, std::span<const ParameterSlice> factors) {
  mpi::on_root(comm, [&] {
    Index numbers = std::ssize(model.objective) + std::ssize(model.curve) + std::ssize(model.parameters) +
                    std::ssize(model.last) + 3 * std::ssize(slices);
    for (const ParameterSlice& factor : factors) numbers += factor.rows * factor.rows;
    const DraftGuard draft = begin_draft(path, numbers * Index{sizeof(double)});
    write_draft(draft_path(path), model, slices, factors, comm.size());
    seal_whole(draft_path(path), dkm_kind);
    publish(path);
  });
}

std::optional<InducingModel> read_inducing_model(const mpi::Communicator& comm, const std::string& path) {
  using M = InducingModel;
  return read_on_root(
      comm, [&] { return read_file(path); }, &M::kind, &M::problem, &M::kernel, &M::likelihood,
      &M::train_hash, &M::target_hash, &M::classes, &M::encoding, &M::n, &M::noise, &M::jitter,
      &M::iterations, &M::epochs, &M::end, &M::tolerance, &M::objective, &M::columns, &M::curve,
      &M::parameters, &M::last, &M::best_epoch);
}

void write_training_state(const mpi::Communicator& comm, const std::string& path, const std::string& problem,
                          std::span<const NamedList> lists) {
  mpi::on_root(comm, [&] {
    Index numbers = 0;
    for (const NamedList& list : lists) numbers += std::ssize(list.values);
    const DraftGuard draft = begin_draft(path, numbers * Index{sizeof(double)});
    hdf5::File file = hdf5::File::create(draft_path(path), {.user_block = seal_bytes});
    hdf5::write_attribute(file, "/", "format",
                          std::string("widegram state of a deep kernel machine's training"));
    hdf5::write_attribute(file, "/", "problem", problem);
    write_provenance(file, current_provenance(comm.size()));
    for (const NamedList& list : lists) hdf5::write_list(file, "/" + list.name, list.values);
    file.close();
    seal_whole(draft_path(path), dkm_state_kind);
    publish(path);
  });
}

std::optional<std::vector<NamedList>> read_training_state(const mpi::Communicator& comm,
                                                          const std::string& path, const std::string& problem,
                                                          std::span<const std::string> names) {
  auto lists = read_on_root(comm, [&]() -> std::optional<std::vector<NamedList>> {
    if (!std::filesystem::exists(path)) return std::nullopt;
    require_seal(path, dkm_state_kind);
    const hdf5::File file = hdf5::File::open(path);
    if (hdf5::read_attribute<std::string>(file, "/", "problem") != problem) return std::nullopt;
    std::vector<NamedList> found;
    for (const std::string& name : names) found.push_back({name, hdf5::read_list(file, "/" + name)});
    return found;
  });
  if (!lists) return std::nullopt;
  lists->resize(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    (*lists)[i].name = names[i];
    share(comm, (*lists)[i].values);
  }
  return lists;
}

}  // namespace widegram::io
