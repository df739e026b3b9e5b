#include "io/model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <vector>

#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

constexpr Index model_format_version = 1;

void write_choice(const hdf5::File& file, const RidgeChoice& choice) {
  if (choice.path.empty()) return;
  std::vector<double> values;
  for (const std::vector<double>& row : choice.path) values.insert(values.end(), row.begin(), row.end());
  hdf5::Dataset::create<double>(file, "/ridge_path",
                                {.shape = {std::ssize(choice.path), std::ssize(choice.names)}})
      .write_all<double>(values);
  hdf5::write_attribute(file, "/ridge_path", "columns", fmt::format("{}", fmt::join(choice.names, ",")));
  hdf5::write_attribute(file, "/ridge_path", "selection", choice.selection);
}

void write_evidence(const hdf5::File& file, const Evidence& evidence) {
  const auto number = [&](const char* name, auto value) { hdf5::write_attribute(file, "/", name, value); };
  number("log_determinant", evidence.log_determinant);
  number("log_evidence", evidence.log_evidence);
  if (evidence.probes == 0) return;
  number("log_evidence_error", evidence.log_evidence_error);
  number("evidence_probes", evidence.probes);
  number("evidence_steps", evidence.steps);
}

void write_draft(const std::string& draft, const Model& model, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const auto text = [&](const char* name, const std::string& value) {
    hdf5::write_attribute(file, "/", name, value);
  };
  const auto number = [&](const char* name, auto value) { hdf5::write_attribute(file, "/", name, value); };
  text("format", "widegram model");
  number("format_version", model_format_version);
  write_model_header(file, model.header);
  text("method", model.method);
  number("iterations", model.iterations);
  number("relative_residual", model.relative_residual);
  if (model.evidence) write_evidence(file, *model.evidence);
  number("complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));

  const Index n = model.alpha.rows();
  const Index k = model.alpha.cols();
  std::vector<double> rows(static_cast<std::size_t>(n * k));
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < k; ++j) rows[static_cast<std::size_t>(i * k + j)] = model.alpha(i, j);
  hdf5::Dataset::create<double>(file, "/alpha", {.shape = {n, k}}).write_all<double>(rows);
  hdf5::Dataset::create<double>(file, "/ridge", {.shape = {}}).write_all<double>({&model.ridge, 1});
  hdf5::write_attribute(file, "/ridge", "absolute", model.ridge_absolute);
  write_choice(file, model.choice);
  file.close();
}

Model read_file(const std::string& path) {
  require_seal(path, "model");
  const hdf5::File file = hdf5::File::open(path);
  const auto text = [&](const char* name) { return hdf5::read_attribute<std::string>(file, "/", name); };
  const auto count = [&](const char* name) { return hdf5::read_attribute<std::int64_t>(file, "/", name); };
  require_version(path, count("format_version"), model_format_version, "solve");
  const hdf5::Dataset alpha(file, "/alpha");
  const std::vector<Index> shape = alpha.shape_in(2);
  const std::vector<double> rows = alpha.read_all<double>();
  Model model;
  model.alpha = Matrix<double>(shape[0], shape[1]);
  for (Index i = 0; i < shape[0]; ++i)
    for (Index j = 0; j < shape[1]; ++j) model.alpha(i, j) = rows[static_cast<std::size_t>(i * shape[1] + j)];
  model.ridge = hdf5::read_single(file, "/ridge");
  model.ridge_absolute = hdf5::read_attribute<double>(file, "/ridge", "absolute");
  model.header = read_model_header(file);
  model.method = text("method");
  model.iterations = count("iterations");
  model.relative_residual = hdf5::read_attribute<double>(file, "/", "relative_residual");
  return model;
}

}  // namespace

void write_model_header(const hdf5::File& file, const ModelHeader& header) {
  const auto attribute = [&](const char* name, const auto& value) {
    hdf5::write_attribute(file, "/", name, value);
  };
  attribute("kernel", header.kernel);
  attribute("function", header.function);
  attribute("precision", to_string(header.precision));
  attribute("train_hash", to_hex(header.train_hash));
  attribute("target_hash", to_hex(header.target_hash));
  attribute("encoding", header.encoding);
  attribute("classes", header.classes);
}

ModelHeader read_model_header(const hdf5::File& file) {
  const auto text = [&](const char* name) { return hdf5::read_attribute<std::string>(file, "/", name); };
  return {.kernel = text("kernel"),
          .function = text("function"),
          .precision = precision_from(text("precision")),
          .train_hash = hdf5::read_hash(file, "train_hash"),
          .target_hash = hdf5::read_hash(file, "target_hash"),
          .classes = hdf5::read_attribute<std::int64_t>(file, "/", "classes"),
          .encoding = text("encoding")};
}

void write_model(const mpi::Communicator& comm, const std::string& path, const Model& model) {
  mpi::on_root(comm, [&] {
    const DraftGuard draft =
        begin_draft(path, model.alpha.rows() * model.alpha.cols() * Index{sizeof(double)});
    write_draft(draft_path(path), model, comm.size());
    seal_whole(draft_path(path), "model");
    publish(path);
  });
}

Model read_model(const mpi::Communicator& comm, const std::string& path) {
  Model model = mpi::collectively(comm, [&] { return comm.is_root() ? read_file(path) : Model{}; });
  const Index n = comm.broadcast(model.alpha.rows());
  const Index k = comm.broadcast(model.alpha.cols());
  if (!comm.is_root()) model.alpha = Matrix<double>(n, k);
  comm.broadcast(std::span<double>(model.alpha.data(), static_cast<std::size_t>(n * k)));
  for (double* value : {&model.ridge, &model.ridge_absolute, &model.relative_residual})
    *value = comm.broadcast(*value);
  for (Index* value : {&model.header.classes, &model.iterations}) *value = comm.broadcast(*value);
  for (std::string* value :
       {&model.header.encoding, &model.method, &model.header.kernel, &model.header.function})
    *value = comm.broadcast(std::move(*value));
  model.header.precision = precision_from(comm.broadcast(to_string(model.header.precision)));
  model.header.train_hash = comm.broadcast(model.header.train_hash);
  model.header.target_hash = comm.broadcast(model.header.target_hash);
  return model;
}

std::string difference(const ModelHeader& in_file, const ModelHeader& in_job) {
  for (const std::string& text :
       {difference_of("kernel", in_file.kernel, in_job.kernel),
        difference_of("function", in_file.function, in_job.function),
        difference_of("precision", to_string(in_file.precision), to_string(in_job.precision)),
        difference_of("training data", to_hex(in_file.train_hash), to_hex(in_job.train_hash)),
        difference_of("encoding of the targets", in_file.encoding, in_job.encoding),
        difference_of("number of classes", in_file.classes, in_job.classes),
        difference_of("training targets", to_hex(in_file.target_hash), to_hex(in_job.target_hash))})
    if (!text.empty()) return text;
  return {};
}

}  // namespace widegram::io
