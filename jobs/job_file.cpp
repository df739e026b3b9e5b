#include "jobs/job_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "jobs/job_tables.hpp"
#include "jobs/overrides.hpp"
#include "jobs/toml_file.hpp"
#include "src/base/error.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw Error(ExitCode::usage, fmt::format("{}: {}", file, reason));
}

std::string slurp(const std::string& path) {
  return read_named_file(path, "job file", "jobs/examples holds some to start from");
}

/// A PETSc option's value: true stands for none.
std::string petsc_value(const Value& option) {
  const toml::node& node = option.node();
  if (node.is_string()) return option.text();
  if (node.is_boolean()) return option.flag() ? "" : "false";
  if (node.is_number()) return to_toml(node);
  if (!node.is_array()) option.wrong_type("a PETSc option's value (string, number, boolean or list)");
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < node.as_array()->size(); ++i) parts.push_back(petsc_value(option.element(i)));
  return fmt::format("{}", fmt::join(parts, ","));
}

std::vector<PetscOption> petsc_options(const toml::table& top) {
  std::vector<PetscOption> options;
  const toml::node* node = top.get("petsc");
  if (node == nullptr) return options;
  for (const auto& [key, value] : Value(*node, "petsc").table()) {
    const std::string name(key.str());
    const Value option(value, "petsc." + name);
    if (name.starts_with('-') || name.find(' ') != std::string::npos)
      option.refuse("write a PETSc option without its dash and without blanks, e.g. ksp_monitor = true");
    options.push_back({name, petsc_value(option)});
  }
  return options;
}

/// The job's preset at a depth; `place` is to blame where there is none.
kernels::Network preset_network(const KernelSection& kernel, std::optional<Index> depth,
                                const std::string& place) {
  try {
    return kernels::preset(kernel.preset, {.depth = depth,
                                           .weight_variance = kernel.weight_variance,
                                           .bias_variance = kernel.bias_variance,
                                           .activation = kernel.activation});
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", place, error.what()));
  }
}

/// The networks of all depths; the job's own is the one of `depth`, or else the last.
void resolve_depths(const toml::table& table, KernelSection& kernel) {
  const Value depths(*table.get("depths"), "kernel.depths");
  for (std::size_t i = 0; i < kernel.depths.size(); ++i) {
    const Index depth = kernel.depths[i];
    if (std::find(kernel.depths.begin(), kernel.depths.end(), depth) - kernel.depths.begin() !=
        static_cast<std::ptrdiff_t>(i))
      depths.element(i).refuse(fmt::format("= {} is there twice", depth));
    kernel.depth_networks.push_back(
        preset_network(kernel, depth, fmt::format("{}: {}", depths.place(), depths.path())));
  }
  if (!kernel.depth) kernel.depth = kernel.depths.back();
  const auto own = std::find(kernel.depths.begin(), kernel.depths.end(), *kernel.depth);
  if (own == kernel.depths.end())
    Value(*table.get("depth"), "kernel.depth")
        .refuse(fmt::format("= {} is not one of kernel.depths = {}: add it there, or name one of them",
                            *kernel.depth, to_toml(kernel.depths)));
  kernel.network = kernel.depth_networks[static_cast<std::size_t>(own - kernel.depths.begin())];
}

bool is_table_file(const DataSection& data, const std::string& name) {
  return data.format == "csv" ||
         (data.format == "auto" && (name.ends_with(".csv") || name.ends_with(".tsv")));
}

/// Labels that a job names once serve both sets where both lie in one file, or where they are a column of
/// tables.
void resolve_test_labels(DataSection& data) {
  if (data.test.empty() || data.test_labels != "auto") return;
  const std::string test = io::parse_source(data.test).name;
  if (test == io::parse_source(data.train).name || is_table_file(data, test)) data.test_labels = data.labels;
}

/// What has to do with picking a ridge.
void check_selection(const toml::table& table, const SolveSection& solve) {
  const auto value = [&](const char* key) { return Value(*table.get(key), fmt::format("solve.{}", key)); };
  if (!table.contains("ridges")) {
    for (const char* key : {"selection", "holdout"})
      if (table.contains(key))
        value(key).refuse("picks from solve.ridges, which the job does not give: add them, or take it out");
    return;
  }
  for (const char* key : {"ridge", "ridge_absolute"})
    if (table.contains(key))
      value("ridges").refuse(fmt::format("and solve.{} are both given: keep one", key));
  if (solve.ridges.empty()) value("ridges").refuse("is empty: name the ridges to pick from");
  if (table.contains("holdout") && solve.selection != Selection::holdout)
    value("holdout").refuse("belongs to solve.selection = \"holdout\"");
}

/// Keys that only mean something without, or with, another key of their table.
void check_together(const toml::table& top, const std::string& file, Job& job) {
  if (job.data.train.empty())
    refuse(file, "data.train is missing: name the training set, e.g. train = \"digits:train\"");
  const toml::table* kernel = top.get_as<toml::table>("kernel");
  const toml::node* layers = kernel ? kernel->get("layers") : nullptr;
  if (!job.kernel.preset.empty()) {
    const Value preset(*kernel->get("preset"), "kernel.preset");
    if (layers != nullptr) preset.refuse("and kernel.layers are both given: keep one");
    job.kernel.network = preset_network(job.kernel, job.kernel.depth, preset.place());
    if (!job.kernel.depths.empty()) resolve_depths(*kernel, job.kernel);
  } else {
    if (layers == nullptr && !job.dkm.given)  // a deep kernel machine needs no network
      refuse(file, "kernel.preset or kernel.layers is missing: say which network, e.g. preset = \"dense\"");
    for (const char* name : {"depth", "depths", "weight_variance", "bias_variance", "activation"})
      if (const toml::node* node = kernel ? kernel->get(name) : nullptr)
        Value(*node, std::string("kernel.") + name)
            .refuse("belongs to a preset; give it in the layers instead");
  }
  const toml::table* solve = top.get_as<toml::table>("solve");
  if (solve && solve->contains("ridge") && solve->contains("ridge_absolute"))
    Value(*solve->get("ridge_absolute"), "solve.ridge_absolute")
        .refuse("and solve.ridge are both given: keep one");
  if (solve != nullptr) check_selection(*solve, job.solve);
  if (const toml::table* dkm = top.get_as<toml::table>("dkm")) check_dkm(*dkm, file, job.dkm);
}

}  // namespace

Job parse_job(std::string_view text, const std::string& file, std::span<const std::string> overrides) {
  toml::table top = parse_toml(text, file);
  for (const std::string& override : overrides) apply_override(top, override);

  Job job;
  job.dkm.given = top.contains("dkm");
  for_each_table(job, [&](const auto& keys, auto& section) {
    if (keys.name().empty()) {
      keys.read(top, "", section);
    } else if (const toml::node* node = top.get(keys.name())) {
      keys.read(Value(*node, keys.name()).table(), keys.name() + ".", section);
    }
  });
  job.petsc = petsc_options(top);
  check_together(top, file, job);
  resolve_test_labels(job.data);
  if (job.name.empty()) job.name = std::filesystem::path(file).stem().string();
  if (job.output.empty()) job.output = "runs/" + job.name;
  return job;
}

Job read_job(const std::string& path, std::span<const std::string> overrides) {
  return parse_job(slurp(path), path, overrides);
}

Job read_job(const mpi::Communicator& comm, const std::string& path, std::span<const std::string> overrides) {
  std::string text;
  mpi::on_root(comm, [&] { text = slurp(path); });
  text = comm.broadcast(std::move(text));
  return mpi::collectively(comm, [&] { return parse_job(text, path, overrides); });
}

std::string to_toml(const Job& job) {
  std::string out = "# The job as widegram resolved it, with every default written out.\n";
  for_each_table(job, [&](const auto& keys, const auto& section) {
    if (keys.name() == "dkm" && !job.dkm.given) return;
    if (!keys.name().empty()) out += fmt::format("\n[{}]\n", keys.name());
    if (keys.name() == "kernel" && !job.kernel.network.empty())
      out += fmt::format("# network: {}\n", kernels::canonical(job.kernel.network));
    for (const std::string& line : keys.write(section)) out += line + "\n";
  });
  if (job.petsc.empty()) return out;
  out += "\n[petsc]\n";
  for (const PetscOption& option : job.petsc)
    out +=
        fmt::format("{} = {}\n", to_toml(option.name), option.value.empty() ? "true" : to_toml(option.value));
  return out;
}

}  // namespace widegram::jobs
