#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "io/attribute_fields.hpp"
#include "io/provenance.hpp"
#include "io/result_file.hpp"

namespace widegram::io {

/// What dkm.h5 of every kind of deep kernel machine has in common.

inline constexpr Index dkm_format_version = 1;
inline constexpr char dkm_kind[] = "dkm";
inline constexpr char dkm_state_kind[] = "dkm-state";

/// Calls visit(name, value) for each attribute of a DkmModel or InducingModel, which may be const.
template <class AnyModel, class Visit>
void for_each_common_attribute(AnyModel& model, Visit&& visit) {
  visit("kind", model.kind);
  visit("problem", model.problem);
  visit("kernel", model.kernel);
  visit("train_hash", model.train_hash);
  visit("target_hash", model.target_hash);
  visit("classes", model.classes);
  visit("encoding", model.encoding);
  visit("n", model.n);
  visit("noise", model.noise);
  visit("jitter", model.jitter);
  visit("end", model.end);
  visit("tolerance", model.tolerance);
}

/// A new file with the common attributes and /objective.
template <class Model>
hdf5::File begin_dkm_file(const std::string& draft, const Model& model, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const AttributeWriter attribute{file};
  attribute("format", std::string("widegram deep kernel machine"));
  attribute("format_version", dkm_format_version);
  for_each_common_attribute(model, attribute);
  attribute("complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));
  hdf5::write_list(file, "/objective", model.objective);
  return file;
}

/// A model with those, and what rest(file, model) adds; nothing where there is no such file. Throws
/// Error(files) where it is damaged or of another version.
template <class Model, class Rest>
std::optional<Model> read_dkm_file(const std::string& path, Rest&& rest) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_seal(path, dkm_kind);
  const hdf5::File file = hdf5::File::open(path);
  require_version(path, hdf5::read_attribute<std::int64_t>(file, "/", "format_version"), dkm_format_version,
                  "dkm");
  Model model;
  for_each_common_attribute(model, AttributeReader{file});
  model.objective = hdf5::read_list(file, "/objective");
  rest(file, model);
  return model;
}

}  // namespace widegram::io
