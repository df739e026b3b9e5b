#include "io/inducing_file.hpp"

#include <algorithm>
#include <filesystem>

#include "io/hdf5.hpp"
#include "io/provenance.hpp"
#include "io/read_on_root.hpp"
#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::io {

namespace {

constexpr Index format_version = 1;
constexpr char model_kind[] = "dkm";
constexpr char state_kind[] = "dkm-state";

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
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const auto put = [&](const char* name, const auto& value) {
    hdf5::write_attribute(file, "/", name, value);
  };
  put("format", std::string("widegram deep kernel machine"));
  put("format_version", format_version);
  put("kind", model.kind);
  put("problem", model.problem);
  put("kernel", model.kernel);
  put("likelihood", model.likelihood);
  put("train_hash", to_hex(model.train_hash));
  put("target_hash", to_hex(model.target_hash));
  put("classes", model.classes);
  put("encoding", model.encoding);
  put("n", model.n);
  put("noise", model.noise);
  put("jitter", model.jitter);
  put("iterations", model.iterations);
  put("epochs", model.epochs);
  put("end", model.end);
  put("tolerance", model.tolerance);
  put("best_epoch", model.best_epoch);
  put("complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));
  hdf5::write_list(file, "/objective", model.objective);
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
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_seal(path, model_kind);
  const hdf5::File file = hdf5::File::open(path);
  const auto text = [&](const char* name) { return hdf5::read_attribute<std::string>(file, "/", name); };
  const auto count = [&](const char* name) { return hdf5::read_attribute<std::int64_t>(file, "/", name); };
  const auto number = [&](const char* name) { return hdf5::read_attribute<double>(file, "/", name); };
  require_version(path, count("format_version"), format_version, "dkm");
  InducingModel model{.kind = text("kind"),
                      .problem = text("problem"),
                      .kernel = text("kernel"),
                      .likelihood = text("likelihood"),
                      .train_hash = hdf5::read_hash(file, "train_hash"),
                      .target_hash = hdf5::read_hash(file, "target_hash"),
                      .classes = count("classes"),
                      .encoding = text("encoding"),
                      .n = count("n"),
                      .noise = number("noise"),
                      .jitter = number("jitter"),
                      .iterations = count("iterations"),
                      .epochs = count("epochs"),
                      .end = text("end"),
                      .tolerance = number("tolerance"),
                      .objective = hdf5::read_list(file, "/objective"),
                      .columns = {},
                      .curve = hdf5::read_list(file, "/curve"),
                      .parameters = hdf5::read_list(file, "/parameters"),
                      .last = hdf5::read_list(file, "/last_parameters"),
                      .best_epoch = count("best_epoch")};
  if (!model.curve.empty()) model.columns = hdf5::read_attribute<std::string>(file, "/curve", "columns");
  return model;
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
    seal_whole(draft_path(path), model_kind);
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
    seal_whole(draft_path(path), state_kind);
    publish(path);
  });
}

std::optional<std::vector<NamedList>> read_training_state(const mpi::Communicator& comm,
                                                          const std::string& path, const std::string& problem,
                                                          std::span<const std::string> names) {
  auto lists = read_on_root(comm, [&]() -> std::optional<std::vector<NamedList>> {
    if (!std::filesystem::exists(path)) return std::nullopt;
    require_seal(path, state_kind);
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
